/*
 * The gap kernel in C, for the ratio that bench/parts/kernels.ts measures. `pairing` is the algorithm of kernels/runs.ts;
 * `sweep` is the usual one, a merge of both columns with a running count, to show what the pairing is worth.
 */

typedef int (*kernel)(const double *starts, int starts_count, const double *ends, int ends_count, double shift,
                      int used, int capacity, double from, double to, double *out);

static int pairing(const double *starts, int starts_count, const double *ends, int ends_count, double shift,
                   int used, int capacity, double from, double to, double *out) {
  int slack = capacity - used < starts_count + 1 ? capacity - used : starts_count + 1;
  int k = 0, n = 0;
  double run_start = from;
  if (slack <= 0) {
    k = 1 - slack;
    if (k > ends_count) return 0;
    run_start = ends[k - 1] + shift;
  }
  int limit = starts_count - slack + 1 < ends_count ? starts_count - slack + 1 : ends_count;
  for (; k < limit; k++) {
    double start = starts[k + slack - 1], end = ends[k] + shift;
    out[n] = run_start;
    out[n + 1] = start;
    n += ((start > run_start) & (start < end)) << 1;
    run_start = start < end ? end : run_start;
  }
  double last = k + slack - 1 < starts_count ? starts[k + slack - 1] : to;
  if (last > run_start) {
    out[n] = run_start;
    out[n + 1] = last;
    n += 2;
  }
  return n / 2;
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

/* Runs one kernel over `windows` windows that lie one after the other; returns the sum of the counts. */
int run_windows(int use_pairing, const double *starts, const double *ends, int windows, int length, int capacity,
                double from, double to, double *out) {
  kernel chosen = use_pairing ? pairing : sweep;
  int sum = 0;
  for (int w = 0; w < windows; w++)
    sum += chosen(starts + w * length, length, ends + w * length, length, 0, 0, capacity, from, to, out);
  return sum;
}
