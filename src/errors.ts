/**
 * The one error type a user can meet. Whatever a client may cause is a DeltatError with its SQLSTATE
 * (https://www.postgresql.org/docs/current/errcodes-appendix.html); what only a bug can cause is an `assert`.
 */

export const SqlState = {
  successfulCompletion: "00000",
  warning: "01000",
  protocolViolation: "08P01",
  featureNotSupported: "0A000",
  invalidParameterValue: "22023",
  numericValueOutOfRange: "22003",
  invalidRowCountInLimitClause: "2201W",
  invalidRowCountInResultOffsetClause: "2201X",
  invalidDatetimeFormat: "22007",
  datetimeFieldOverflow: "22008",
  invalidTimeZoneDisplacement: "22009",
  intervalFieldOverflow: "22015",
  nullValueNotAllowed: "22004",
  substringError: "22011",
  invalidPrecedingOrFollowing: "22013",
  invalidArgumentForNtile: "22014",
  invalidArgumentForNthValue: "22016",
  divisionByZero: "22012",
  invalidArgumentForLogarithm: "2201E",
  invalidArgumentForPower: "2201F",
  invalidArgumentForWidthBucket: "2201G",
  invalidUseOfEscapeCharacter: "2200C",
  arraySubscriptError: "2202E",
  invalidEscapeSequence: "22025",
  characterNotInRepertoire: "22021",
  invalidTextRepresentation: "22P02",
  invalidBinaryRepresentation: "22P03",
  badCopyFileFormat: "22P04",
  notNullViolation: "23502",
  foreignKeyViolation: "23503",
  uniqueViolation: "23505",
  checkViolation: "23514",
  exclusionViolation: "23P01",
  invalidSavepointSpecification: "3B001",
  activeSqlTransaction: "25001",
  noActiveSqlTransaction: "25P01",
  readOnlySqlTransaction: "25006",
  inFailedSqlTransaction: "25P02",
  idleInTransactionSessionTimeout: "25P03",
  invalidSqlStatementName: "26000",
  invalidAuthorizationSpecification: "28000",
  invalidPassword: "28P01",
  invalidCursorName: "34000",
  invalidCatalogName: "3D000",
  serializationFailure: "40001",
  syntaxError: "42601",
  ambiguousColumn: "42702",
  undefinedColumn: "42703",
  undefinedObject: "42704",
  duplicateColumn: "42701",
  groupingError: "42803",
  datatypeMismatch: "42804",
  undefinedFunction: "42883",
  wrongObjectType: "42809",
  undefinedTable: "42P01",
  undefinedParameter: "42P02",
  ambiguousParameter: "42P08",
  ambiguousFunction: "42725",
  cannotCoerce: "42846",
  duplicateCursor: "42P03",
  duplicateAlias: "42712",
  invalidRecursion: "42P19",
  invalidSchemaName: "3F000",
  cardinalityViolation: "21000",
  windowingError: "42P20",
  invalidRegularExpression: "2201B",
  duplicatePreparedStatement: "42P05",
  invalidColumnReference: "42P10",
  indeterminateDatatype: "42P18",
  diskFull: "53100",
  outOfMemory: "53200",
  tooManyConnections: "53300",
  programLimitExceeded: "54000",
  statementTooComplex: "54001",
  tooManyColumns: "54011",
  objectNotInPrerequisiteState: "55000",
  objectInUse: "55006",
  duplicateDatabase: "42P04",
  cantChangeRuntimeParameter: "55P02",
  lockNotAvailable: "55P03",
  queryCanceled: "57014",
  adminShutdown: "57P01",
  idleSessionTimeout: "57P05",
  cannotConnectNow: "57P03",
  ioError: "58030",
  configFileError: "F0000",
  internalError: "XX000",
  dataCorrupted: "XX001",
} as const;

export type SqlState = (typeof SqlState)[keyof typeof SqlState];

/** The optional fields of an ErrorResponse. `position` counts characters from 1, as PostgreSQL does. */
export interface ErrorFields {
  readonly detail?: string;
  readonly hint?: string;
  readonly position?: number;
  /** Of a table: it lies in schema public. */
  readonly table?: string;
  readonly column?: string;
  /** The name of a type that an error is about. */
  readonly dataType?: string;
  readonly constraint?: string;
  /** What was being done, from the inside out: PostgreSQL's CONTEXT. */
  readonly where?: string;
}

export class DeltatError extends Error {
  constructor(
    readonly sqlState: SqlState,
    message: string,
    readonly fields: ErrorFields = {},
  ) {
    super(message);
    this.name = "DeltatError";
  }
}

/** For what only a bug can break: never for anything a client, a file or the system can cause. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(`assertion failed: ${message}`);
}

/** What was thrown, whatever it is, in words. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** What the operating system calls it, such as ENOENT; undefined for what it has not thrown. */
export function systemCodeOf(error: unknown): string | undefined {
  return error instanceof Error && "code" in error ? String(error.code) : undefined;
}
