/*
 * The kernels in C, for the ratios that bench/parts/kernels.ts measures: the same algorithms, written as one would in C, with
 * what may be chosen without a branch left to the compiler. `sweep` is no kernel but the usual way to find gaps, a merge of
 * both columns with a running count, to show what the pairing of kernels/runs.ts is worth. Each exported function does all of
 * the work that is timed in one call, and returns a sum by which its results are compared with those of TypeScript.
 */

#include <stdlib.h>
#include <string.h>

static inline int close_runs(const double *starts, const double *ends, int first, int limit, double shift, double *out,
                             int cell) {
  double run_start = out[cell];
  for (int k = first; k < limit; k++) {
    double start = starts[k], end = ends[k] + shift;
    out[cell] = run_start;
    out[cell + 1] = start;
    cell += ((start > run_start) & (start < end)) << 1;
    run_start = start < end ? end : run_start;
  }
  out[cell] = run_start;
  return cell;
}

static inline int least(int a, int b) { return a < b ? a : b; }
static inline int most(int a, int b) { return a > b ? a : b; }

typedef int (*gap_kernel)(const double *starts, int starts_count, const double *ends, int ends_count, double shift,
                          int used, int capacity, double from, double to, double *out);

static int pairing(const double *starts, int starts_count, const double *ends, int ends_count, double shift,
                   int used, int capacity, double from, double to, double *out) {
  int slack = least(capacity - used, starts_count + 1);
  int first = 0;
  out[0] = from;
  if (slack <= 0) {
    first = 1 - slack;
    if (first > ends_count) return 0;
    out[0] = ends[first - 1] + shift;
  }
  int limit = most(first, least(starts_count - slack + 1, ends_count));
  int cell = close_runs(starts + slack - 1, ends, first, limit, shift, out, 0);
  int next = limit + slack - 1;
  double close = next < starts_count ? starts[next] : to;
  if (close <= out[cell]) return cell / 2;
  out[cell + 1] = close;
  return cell / 2 + 1;
}

static int sweep(const double *starts, int starts_count, const double *ends, int ends_count, double shift,
                 int used, int capacity, double from, double to, double *out) {
  int i = 0, j = 0, n = 0;
  if (used < capacity) out[n++] = from;
  while (i < starts_count || j < ends_count) {
    int before = used < capacity;
    int take_end = j < ends_count && (i == starts_count || ends[j] + shift <= starts[i]);
    double instant = take_end ? ends[j++] + shift : starts[i++];
    used += take_end ? -1 : 1;
    if ((used < capacity) == before) continue;
    if (n > 0 && out[n - 1] == instant) n--;
    else out[n++] = instant;
  }
  if (used < capacity) out[n++] = to;
  return n / 2;
}

/* Runs one gap kernel over `windows` windows that lie one after the other; the sum of the counts. */
double run_windows(int use_pairing, const double *starts, const double *ends, int windows, int length, int capacity,
                   double from, double to, double *out) {
  gap_kernel chosen = use_pairing ? pairing : sweep;
  double sum = 0;
  for (int w = 0; w < windows; w++)
    sum += chosen(starts + w * length, length, ends + w * length, length, 0, 0, capacity, from, to, out);
  return sum;
}

static int lower_bound(const double *column, int length, double value) {
  const double *base = column;
  int remaining = length;
  while (remaining > 4096) {
    int half = remaining >> 1;
    if (base[half - 1] < value) base += half;
    remaining -= half;
  }
  while (remaining > 1) {
    int half = remaining >> 1;
    base += base[half - 1] < value ? half : 0;
    remaining -= half;
  }
  return base - column + (remaining == 1 && *base < value);
}

double lower_bounds(const double *column, int length, const double *probes, int count) {
  double sum = 0;
  for (int i = 0; i < count; i++) sum += lower_bound(column, length, probes[i]);
  return sum;
}

double peaks(const double *starts, const double *ends, int windows, int length) {
  double sum = 0;
  for (int w = 0; w < windows; w++, starts += length, ends += length) {
    int end = 0;
    for (int start = 0; start < length && end < length; start++) end += ends[end] <= starts[start];
    sum += length - end;
  }
  return sum;
}

/* Puts an element into a column of `length` and its row beside it, and takes both out again, `times` times. */
double page_changes(double *column, unsigned *rows, int length, int index, int times) {
  for (int i = 0; i < times; i++) {
    memmove(column + index + 1, column + index, (length - index) * sizeof *column);
    column[index] = index;
    memmove(column + index, column + index + 1, (length - index) * sizeof *column);
    memmove(rows + index + 1, rows + index, (length - index) * sizeof *rows);
    rows[index] = index;
    memmove(rows + index, rows + index + 1, (length - index) * sizeof *rows);
    /* Each is done, not only the last. */
    __asm__ volatile("" : : "r"(column), "r"(rows) : "memory");
  }
  return column[index] + rows[index];
}

double prefix_sums(const int *tree, int count) {
  double sum = 0;
  for (int i = 0; i < count; i++) {
    int prefix = 0;
    for (int at = 2 * i; at > 0; at &= at - 1) prefix += tree[at - 1];
    sum += prefix;
  }
  return sum;
}

static int combine(int table, const double *a, int a_count, const double *b, int b_count, double *out) {
  int a_flips = 2 * a_count, b_flips = 2 * b_count, i = 0, j = 0, cell = 0, inside = 0;
  while (i < a_flips && j < b_flips) {
    double flip_a = a[i], flip_b = b[j];
    out[cell] = flip_a < flip_b ? flip_a : flip_b;
    i += flip_a <= flip_b;
    j += flip_b <= flip_a;
    int now = table >> ((i & 1) << 1 | (j & 1)) & 1;
    cell += now ^ inside;
    inside = now;
  }
  if (table >> 2 & 1) for (; i < a_flips; i++) out[cell++] = a[i];
  if (table >> 1 & 1) for (; j < b_flips; j++) out[cell++] = b[j];
  return cell / 2;
}

/* An operation on each list of `count` spans and the one behind it; the sum of the counts. */
double span_pairs(int table, const double *spans, int pairs, int count, double *out) {
  double sum = 0;
  for (int i = 0; i < pairs; i++, spans += 2 * count) sum += combine(table, spans, count, spans + 2 * count, count, out);
  return sum;
}

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static void sort_flips(const double *lists, int total, double from, double to, unsigned *counts, double *sorted) {
  int buckets = least(65536, 1 << (32 - __builtin_clz(total)));
  double scale = (buckets - 0.5) / (to - from);
  memset(counts, 0, buckets * sizeof *counts);
  for (int i = 0; i < total; i++) counts[(int)((lists[2 * i] - from) * scale)]++;
  for (int bucket = 0, place = 0; bucket < buckets; bucket++) {
    int count = counts[bucket];
    counts[bucket] = place;
    place += count;
  }
  for (int i = 0; i < total; i++) sorted[counts[(int)((lists[2 * i] - from) * scale)]++] = lists[2 * i];
  int budget = 8 * total;
  for (int i = 1; i < total; i++) {
    double value = sorted[i];
    int hole = i;
    for (; hole > 0 && sorted[hole - 1] > value; hole--) sorted[hole] = sorted[hole - 1];
    sorted[hole] = value;
    budget -= i - hole;
    if (budget >= 0) continue;
    qsort(sorted, total, sizeof *sorted, ascending);
    return;
  }
}

static int runs_at_least(const double *starts, const double *ends, int total, int k, double to, double *out) {
  int paired = least(total, total - k + 1), first = 0;
  while (first < paired && starts[first + k - 1] >= ends[first]) first++;
  if (first + k - 1 >= total) return 0;
  out[0] = starts[first + k - 1];
  first++;
  out[1] = ends[first - 1];
  int limit = most(first, paired);
  int cell = close_runs(starts + k - 1, ends, first, limit, 0, out, 1);
  int next = limit + k - 1;
  if (next < total) {
    if (starts[next] > out[cell]) {
      out[cell + 1] = starts[next];
      cell += 2;
    }
    out[cell] = to;
  }
  return (cell + 1) / 2;
}

static int intersect_all(const double *lists, const unsigned *offsets, int n, double *scratch, double *out) {
  int count = offsets[1];
  const double *held = lists;
  for (int i = 1; i < n && count > 0; i++) {
    double *target = held == scratch ? out : scratch;
    count = combine(8, held, count, lists + 2 * offsets[i], offsets[i + 1] - offsets[i], target);
    held = target;
  }
  if (held != out) memcpy(out, held, 2 * count * sizeof *out);
  return count;
}

double k_of_n(const double *lists, const unsigned *offsets, int n, int k, double *scratch, unsigned *counts, double *out) {
  if (k == n) return intersect_all(lists, offsets, n, scratch, out);
  double from = lists[0], to = lists[1];
  for (int i = 0; i < n; i++) {
    double first = lists[2 * offsets[i]], last = lists[2 * offsets[i + 1] - 1];
    from = first < from ? first : from;
    to = last > to ? last : to;
  }
  int total = offsets[n];
  sort_flips(lists, total, from, to, counts, scratch);
  sort_flips(lists + 1, total, from, to, counts, scratch + total);
  return runs_at_least(scratch, scratch + total, total, k, to + 1, out);
}
