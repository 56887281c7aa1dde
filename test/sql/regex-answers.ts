/** What PostgreSQL 15 (UTF-8, C.UTF-8) answers about regular expressions, by the values it was asked with. */

export const REGEX_ANSWERS: readonly (readonly [
  query: string,
  answer: string | readonly (readonly (string | null)[])[],
])[] = [
  [
    "select 'abc' ~ 'b', 'abc' ~ '^b', 'abc' ~* 'B', 'abc' !~ 'x', 'a.c' ~ 'a\\.c', 'a\nb' ~ 'a.b', 'a\nb' ~ '(?n)a.b', 'a\nb' ~ '(?n)^b$'",
    [["t", "f", "t", "t", "t", "t", "f", "t"]],
  ],
  [
    "select substring('XY1234Z', 'Y*([0-9]{1,3})'), substring('XY1234Z', 'Y*?([0-9]{1,3})'), substring('foobar' from 'o.b'), substring('foobar' from 'o(.)b'), substring('foobar' from 'z')",
    [["123", "1", "oob", "o", null]],
  ],
  [
    "select substring('abc01234xyz' from '(.*)(\\d+)(.*)'), substring('abc01234xyz' from '(.*?)(\\d+)(.*)'), substring('abc01234xyz' from '(?:(.*?)(\\d+)(.*)){1,1}'), regexp_replace('abc01234xyz', '(?:(.*?)(\\d+)(.*)){1,1}','[\\1|\\2|\\3]'), regexp_replace('abc01234xyz','(.*?)(\\d+)(.*)','[\\1|\\2|\\3]'), regexp_replace('abc01234xyz','(.*)(\\d+)(.*)','[\\1|\\2|\\3]')",
    [["abc0123", "abc", "abc", "[abc|01234|xyz]", "[abc|0|]1234xyz", "[abc0123|4|xyz]"]],
  ],
  [
    "select regexp_replace('foobarbaz', 'b..', 'X'), regexp_replace('foobarbaz', 'b..', 'X', 'g'), regexp_replace('foobarbaz', 'b(..)', 'X\\1Y', 'g'), regexp_replace('aab','a*','-','g'), regexp_replace('abc','x*','-','g'), regexp_replace('abc','b','[\\&\\\\]'), regexp_replace('abc','B','x','i'), regexp_replace('abc','$','x','g')",
    [["fooXbaz", "fooXX", "fooXarYXazY", "--b-", "-a-b-c-", "a[b\\]c", "axc", "abcx"]],
  ],
  [
    "select 'abab' ~ '^(ab)*$', 'aab' ~ 'a{2}b', 'aab' ~ 'a{3,}', 'a{b' ~ 'a{b', 'ab' ~ '(?=ab)a', 'ab' ~ 'a(?!b)', 'ab' ~ '(?<=a)b', 'ab' ~ '(?<!a)b', 'foo bar' ~ '\\mbar\\M', 'foobar' ~ '\\mbar', 'foobar' ~ '\\Ybar\\y', 'foo bar' ~ '[[:<:]]bar[[:>:]]'",
    [["t", "t", "f", "t", "t", "f", "t", "f", "t", "f", "t", "t"]],
  ],
  ["select 'x' ~ '(', 'x'", "2201B invalid regular expression: parentheses () not balanced"],
  ["select 'x' ~ 'a**'", "2201B invalid regular expression: quantifier operand invalid"],
  ["select 'x' ~ '*a'", "2201B invalid regular expression: quantifier operand invalid"],
  ["select 'x' ~ '[a'", "2201B invalid regular expression: brackets [] not balanced"],
  ["select 'x' ~ '[b-a]'", "2201B invalid regular expression: invalid character range"],
  ["select 'x' ~ 'a{3,2}'", "2201B invalid regular expression: invalid repetition count(s)"],
  ["select 'x' ~ 'a{256}'", "2201B invalid regular expression: invalid repetition count(s)"],
  ["select 'x' ~ 'a{1'", "2201B invalid regular expression: braces {} not balanced"],
  ["select 'x' ~ 'a{1x}'", "2201B invalid regular expression: invalid repetition count(s)"],
  ["select 'x' ~ '\\q'", "2201B invalid regular expression: invalid escape \\ sequence"],
  ["select 'x' ~ 'a\\'", "2201B invalid regular expression: invalid escape \\ sequence"],
  ["select 'x' ~ '[[:foo:]]'", "2201B invalid regular expression: invalid character class"],
  ["select 'x' ~ '(?z)a'", "2201B invalid regular expression: invalid embedded option"],
  ["select 'x' ~ 'a)'", "2201B invalid regular expression: parentheses () not balanced"],
  ["select 'x' ~ '^*'", "2201B invalid regular expression: quantifier operand invalid"],
  ["select 'x' ~ '(?=a)*'", "2201B invalid regular expression: quantifier operand invalid"],
  ["select 'x' ~ '[a-b-c]'", "2201B invalid regular expression: invalid character range"],
  ["select 'x' ~ '[a-[:digit:]]'", "2201B invalid regular expression: invalid character range"],
  [
    "select '-' ~ '[a-]', '-' ~ '[-a]', ']' ~ '[]a]', 'b' ~ '[^]a]', '\\' ~ '[\\\\]', '5' ~ '[\\d]', 'a' ~ '[\\D]', '^' ~ '[a^]', '.' ~ '[[.-.]]', 'a' ~ '[[=a=]]'",
    [["t", "t", "t", "t", "t", "t", "t", "t", "f", "t"]],
  ],
  [
    "select 'Ä' ~* 'ä', 'é' ~ '\\w', 'é' ~ '[[:alpha:]]', 'É' ~ '[[:upper:]]', '١' ~ '\\d', ' ' ~ '\\s', 'ß' ~* 'SS', 'K' ~* 'k', '—' ~ '[[:punct:]]'",
    [["t", "t", "t", "t", "f", "t", "f", "t", "t"]],
  ],
  [
    "select 'abc' similar to '%b%', 'abc' similar to 'b', 'abc' similar to '_b_', 'abc' similar to '(a|b)%', 'a.c' similar to 'a.c', 'abc' similar to 'a.c', 'abc' not similar to 'x', 'a%c' similar to 'a#%c' escape '#', 'ab+' similar to 'ab\\+', 'aaa' similar to 'a{3}', null similar to 'a'",
    [["t", "f", "t", "t", "t", "f", "t", "t", "t", "t", null]],
  ],
  [
    "select substring('foobar' similar '%#\"o_b#\"%' escape '#'), substring('foobar' from '#\"o_b#\"%' for '#'), substring('foobar' similar '%#\"o+#\"%' escape '#')",
    [["oob", null, "oo"]],
  ],
  [
    "select substring('foobar' similar '#\"a#\"b#\"' escape '#')",
    "2200C SQL regular expression may not contain more than two escape-double-quote separators",
  ],
  ["select 'abc' similar to 'a' escape 'xy'", "22025 invalid escape string"],
  ["select regexp_replace('abc', 'b', 'x', 'z')", '22023 invalid regular expression option: "z"'],
  [
    "select 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab' ~ '^(a+)+$', 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab' ~ '(a|a)*c', 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa' ~ '(.*a){12}'",
    [["f", "f", "t"]],
  ],
  [
    "select regexp_replace('aXbXc', '(?<=a)X', '-', 'g'), regexp_replace('hello world', '\\m(\\w)(\\w*)\\M', '\\2\\1ay', 'g'), regexp_replace('  a  b ', '^\\s+|\\s+$', '', 'g'), regexp_replace('a1b22', '[0-9]+', '<\\&>', 'g')",
    [["a-bXc", "ellohay orldway", "a  b", "a<1>b<22>"]],
  ],
  [
    "select 'ab' ~ 'a b', 'ab' ~ '(?x)a b # c', 'a b' ~ '(?x)a\\ b', 'abc' ~ '***=a.c', 'a.c' ~ '***=a.c', 'abc' ~ '***:a.c', 'abc' ~ '(?q)a.c'",
    [["f", "t", "t", "f", "t", "t", "f"]],
  ],
  [
    "select substring('aabbb' from '(a*)(b*)'), substring('ab' from '(a|ab)(c|bcd)?'), regexp_replace('abcd','(a|ab)(c|bcd)(d*)','[\\1][\\2][\\3]'), regexp_replace('xay','(x(a)?y|z)','<\\2>'), regexp_replace('abab','(?:(a)|(b))*','<\\1\\2>'), regexp_replace('abc','(a*)(ab)*(b*)','<\\1,\\2,\\3>')",
    [["aa", "ab", "[ab][c][d]", "<a>", "<b>", "<a,,b>c"]],
  ],
  [
    "select regexp_replace('aaa','a{2}?','x'), regexp_replace('aaaa','a{2,3}?','x'), regexp_replace('aaa','(a{1,2}?)(a*)','<\\1,\\2>'), regexp_replace('aaa','(a+?)(a+)','<\\1,\\2>'), regexp_replace('aaa','(a+?)|b','<\\1>'), regexp_replace('abcabc','(?:abc){2}','x')",
    [["xa", "xaa", "<a,>aa", "<a,a>a", "<aaa>", "x"]],
  ],
  [
    "select '' ~ '', 'a' ~ '', 'a' ~ '()', '' ~ '^$', 'a' ~ '|b', 'b' ~ 'a||c'",
    [["t", "t", "t", "t", "t", "t"]],
  ],
  ["select * from regexp_split_to_table('the quick  fox', '\\s+')", [["the"], ["quick"], ["fox"]]],
  ["select * from regexp_split_to_table('abc', '')", [["a"], ["b"], ["c"]]],
  ["select * from regexp_split_to_table('a,b,,c', ',')", [["a"], ["b"], [""], ["c"]]],
  ["select regexp_replace('foo','o','\\0'), regexp_replace('foo', '(o)', '\\3')", [["f\\0o", "fo"]]],
];
