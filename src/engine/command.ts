/**
 * What can be asked of the engine to change. A Command is already resolved: ids, instants and numbers, no
 * SQL. Updates carry the whole new image of the row, so that a command alone says what the row becomes.
 */

import type { Id } from "../id.ts";

/** Half-open `[start, end)`, Unix milliseconds. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

export interface ResourceImage {
  readonly id: Id;
  readonly parentId: Id | null;
  readonly name: string | null;
  readonly capacity: number;
  readonly bufferAfterMs: number;
  /** null: as the parent says, else the server's default. */
  readonly enforceRules: boolean | null;
}

export interface RuleImage extends Span {
  readonly id: Id;
  readonly resourceId: Id;
  readonly blocking: boolean;
}

export interface BookingImage extends Span {
  readonly id: Id;
  readonly resourceId: Id;
  readonly label: string | null;
}

export interface HoldImage extends Span {
  readonly id: Id;
  readonly resourceId: Id;
  readonly expiresAt: number;
}

export type Command =
  | { readonly kind: "createResource"; readonly resource: ResourceImage }
  | { readonly kind: "updateResource"; readonly resource: ResourceImage }
  | { readonly kind: "deleteResource"; readonly id: Id }
  | { readonly kind: "addRule"; readonly rule: RuleImage }
  | { readonly kind: "updateRule"; readonly rule: RuleImage }
  | { readonly kind: "removeRule"; readonly id: Id }
  | { readonly kind: "placeBooking"; readonly booking: BookingImage }
  | { readonly kind: "moveBooking"; readonly booking: BookingImage }
  | { readonly kind: "cancelBooking"; readonly id: Id }
  /** As `cancelBooking`, for age: nobody is told, since nothing about the time to come has changed. */
  | { readonly kind: "forgetBooking"; readonly id: Id }
  | { readonly kind: "placeHold"; readonly hold: HoldImage }
  | { readonly kind: "changeHold"; readonly hold: HoldImage }
  | { readonly kind: "releaseHold"; readonly id: Id }
  /** Turns the live hold `holdId` into the booking `bookingId`, on the hold's resource and span. */
  | {
      readonly kind: "confirmHold";
      readonly bookingId: Id;
      readonly holdId: Id;
      readonly label: string | null;
    };
