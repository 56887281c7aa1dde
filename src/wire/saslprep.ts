/**
 * SASLprep (RFC 4013): one form for the many ways to write a password, so that one typed with a composed letter
 * and one with a combining accent are the same. Like PostgreSQL, a password that the profile forbids is taken as
 * it stands. Two tables of RFC 3454 are wider than there: what Unicode 3.2 had not assigned (A.1) is judged by the
 * Unicode of this runtime, and any letter that is not written from right to left counts as one from left to right (D.2).
 */

/** RFC 3454 B.1: mapped to nothing. */
const IGNORED = /\u034f|[\ufe00-\ufe0f]|[\u00ad\u1806\u2060\ufeff]|[\u180b-\u180d\u200c\u200d]/gu;

/** RFC 3454 C.1.2: mapped to a space; U+200B stands in B.1 too, but PostgreSQL makes it a space. */
const OTHER_SPACES = /[\u00a0\u1680\u2000-\u200b\u202f\u205f\u3000]/gu;

/**
 * RFC 3454 C.2 to C.9 and A.1: controls, private use, surrogates, what is no character or not assigned (all of which
 * are \p{C}, but so are harmless format characters), what is inappropriate for plain text, in ideographic descriptions,
 * or changes how other characters are shown.
 */
const FORBIDDEN =
  /[\p{Cc}\p{Co}\p{Cs}\p{Cn}\u06dd\u070f\u180e\u200e\u200f\u2028-\u202e\u2061-\u2063\u206a-\u206f\u2ff0-\u2ffb\ufff9-\ufffd\u{1d173}-\u{1d17a}\u{e0001}\u{e0020}-\u{e007f}]/u;

/** RFC 3454 D.1: written from right to left. */
const RIGHT_TO_LEFT =
  /[\u05be\u05c0\u05c3\u05d0-\u05ea\u05f0-\u05f4\u061b\u061f\u0621-\u063a\u0640-\u064a\u066d-\u066f\u0671-\u06d5\u06dd\u06e5\u06e6\u06fa-\u06fe\u0700-\u070d\u0710\u0712-\u072c\u0780-\u07a5\u07b1\u200f\ufb1d\ufb1f-\ufb28\ufb2a-\ufb36\ufb38-\ufb3c\ufb3e\ufb40\ufb41\ufb43\ufb44\ufb46-\ufbb1\ufbd3-\ufd3d\ufd50-\ufd8f\ufd92-\ufdc7\ufdf0-\ufdfc\ufe70-\ufe74\ufe76-\ufefc]/u;

const LETTER = /\p{L}/u;

const ASCII = /^\p{ASCII}*$/u;

/** The form of a password that SCRAM computes with. */
export function saslPrep(password: string): string {
  if (ASCII.test(password)) return password;
  const prepared = password.replace(OTHER_SPACES, " ").replace(IGNORED, "").normalize("NFKC");
  return prepared === "" || FORBIDDEN.test(prepared) || mixesDirections(prepared) ? password : prepared;
}

/** RFC 3454, section 6: text from right to left begins and ends so, and holds no letter from left to right. */
function mixesDirections(text: string): boolean {
  if (!RIGHT_TO_LEFT.test(text)) return false;
  const characters = [...text];
  const isRightToLeft = (character: string | undefined) => RIGHT_TO_LEFT.test(character ?? "");
  if (!isRightToLeft(characters[0]) || !isRightToLeft(characters.at(-1))) return true;
  return characters.some((character) => LETTER.test(character) && !isRightToLeft(character));
}
