/**
 * Values as the SQL layer holds them. An integer is a number while it is safe (|n| <= 2^53), else a bigint;
 * an id is its 26-character text; an array is a JavaScript array.
 */

export type Value = null | boolean | number | bigint | string | readonly Value[];
