/**
 * Every bound of the server, in one place. What passes a bound is refused with 54000 `limit exceeded: <what>`
 * unless a comment names another code; tests stand on its sides, next to what it bounds.
 */

/** The last valid instant, Unix milliseconds: the range of an ECMAScript Date (ECMA-262, Time Values). */
export const MAX_INSTANT_MS = 8_640_000_000_000_000;

/** 100 years: `end + buffer_after` stays exact below 2^53 for every valid end. */
export const MAX_BUFFER_MS = 3_155_760_000_000;

/** `capacity` is an int4. */
export const MAX_CAPACITY = 2_147_483_647;

/** Levels of the resource tree; a root has depth 1. */
export const MAX_TREE_DEPTH = 64;

/** UTF-8 bytes of a name or a label. */
export const MAX_TEXT_BYTES = 65_536;

/** One message from a client, its length word included; a larger one is 54000 and ends the connection. */
export const MAX_MESSAGE_BYTES = 64 * 1024 * 1024;

/**
 * A message of a kind that carries no statement, value or copied data, its length word included (PostgreSQL's own
 * bound, PQ_SMALL_MESSAGE_LIMIT); a larger one is 08P01 and ends the connection.
 */
export const MAX_SMALL_MESSAGE_BYTES = 10_000;

/** A client's message before it is authenticated (PostgreSQL: PG_MAX_AUTH_TOKEN_LENGTH); a larger one is 08P01. */
export const MAX_AUTHENTICATION_BYTES = 65_535;

/** A start-up packet (PostgreSQL's own bound, MAX_STARTUP_PACKET_LENGTH). */
export const MAX_STARTUP_BYTES = 10_000;

/** Text of one simple query or Parse. */
export const MAX_STATEMENT_BYTES = 32 * 1024 * 1024;

/** Depth of a statement's syntax tree, so that walking it cannot exhaust the stack. */
export const MAX_EXPRESSION_DEPTH = 512;

/**
 * Tokens in one chain of a longer text, before it is parsed: the parser was seen to bear more than 10,000 levels and to
 * break before 30,000.
 */
export const MAX_CHAIN_TOKENS = 5000;

/**
 * Characters of operators that follow the openings of comments, all together. The scanner takes `/*` and every
 * operator character behind it for one token, looks, and gives all but its two characters back: a run of
 * openings costs it the square of its length.
 */
export const MAX_COMMENT_LOOKAHEAD = 10_000_000;

/** Columns of one result (PostgreSQL's own bound, MaxTupleAttributeNumber); more are 54011. */
export const MAX_RESULT_COLUMNS = 1664;

/** Bytes of rows that are in memory at once before any of them is sent: RETURNING, and what is not made in slices. */
export const MAX_RESULT_BYTES = 512 * 1024 * 1024;

/** Characters (UTF-16 units) of a text that an expression makes. */
export const MAX_TEXT_VALUE_CHARACTERS = 16 * 1024 * 1024;

/** Digits before the point of exp and power where they are worked out by logarithms: the time grows with their cube. */
export const MAX_EXPONENTIAL_DIGITS = 1000;

/** Characters of a pattern of to_char, to_date or to_timestamp: each may show many. */
export const MAX_FORMAT_PATTERN_CHARACTERS = 64 * 1024;

/** Elements of an array that an expression makes. */
export const MAX_ARRAY_ELEMENTS = 4 * 1024 * 1024;

/** Parameters of one statement: the protocol counts them in an int16 that drivers read unsigned. `$65536` is 42P02. */
export const MAX_PARAMETERS = 65_535;

/** Retention: bookings dropped by one commit and by one step, and rows looked at for one resource without a pause. */
export const RETENTION_BOOKINGS_PER_COMMIT = 50;
export const RETENTION_BOOKINGS_PER_STEP = 200;
export const ENDED_LOOK_ROWS = 2_000;

/** Retention: after how long a step begins nothing more, milliseconds; how long others have until the next; and when all was looked at. */
export const RETENTION_STEP_MS = 1;
export const RETENTION_PAUSE_MS = 10;
export const RETENTION_IDLE_MS = 10_000;

/** Changes staged by one transaction (rows inserted, updated or deleted, in all its statements). */
export const MAX_TRANSACTION_CHANGES = 2_000_000;

/** Bytes of one row of COPY FROM, as they come. */
export const MAX_COPY_ROW_BYTES = 1024 * 1024;

/** Bytes that the rows of one COPY FROM take in memory before they are placed. */
export const MAX_COPY_BYTES = 512 * 1024 * 1024;

/** Rows locked by one transaction with SELECT … FOR UPDATE and the like. */
export const MAX_TRANSACTION_LOCKS = 100_000;

/**
 * Resources that a serializable transaction remembers to have read one by one; beyond it nothing is refused, but
 * any change of the database counts as a change of what it read.
 */
export const MAX_TRACKED_READS = 10_000;

/** Portals in a row each of which does nothing but FETCH from the next; more are 54001. */
export const MAX_FETCH_DEPTH = 100;

/** Savepoints open at one time in one transaction. */
export const MAX_SAVEPOINTS = 10_000;

/** UTF-8 bytes of a NOTIFY's payload (PostgreSQL: NOTIFY_PAYLOAD_MAX_LENGTH - 1); a longer one is 22023. */
export const MAX_NOTIFY_PAYLOAD_BYTES = 7_999;

/** UTF-8 bytes of a channel's name in NOTIFY (PostgreSQL: NAMEDATALEN - 1); a longer one is 22023. */
export const MAX_CHANNEL_BYTES = 63;

/** Bytes of channels and payloads that one transaction may NOTIFY. */
export const MAX_TRANSACTION_NOTIFY_BYTES = 16 * 1024 * 1024;

/** Distinct resources in one availability query. */
export const MAX_AVAILABILITY_RESOURCES = 100_000;

/** The most that work_mem may be set to; DELTAT_WORK_MEM_MB bounds what it asks for. Beyond either: 53200. */
export const MAX_WORK_MEMORY_BYTES = 4 * 1024 * 1024 * 1024;

/**
 * MiB that the statements and buffers of all clients may hold together, unless DELTAT_MEMORY_MB says otherwise: a
 * statement that asks for more is 53200, and the clients whose buffers hold the most are disconnected with 53200.
 */
export const DEFAULT_MEMORY_MB = 1024;

/** The share of it that statements may take; the rest is for buffers. */
export const STATEMENT_MEMORY_SHARE = 0.75;

/** The garbage collector is asked to begin when this share of it has been given back. */
export const GARBAGE_SHARE = 0.25;

/** What the statements of one client, and its buffers, may hold each without being counted against it. */
export const FREE_CLIENT_BYTES = 256 * 1024;

/** What a change that a transaction has staged is taken to hold in memory. */
export const STAGED_CHANGE_BYTES = 512;

/** Levels of a JSON document; more are 54001. */
export const MAX_JSON_DEPTH = 2000;

/** Sets that one GROUP BY groups by (PostgreSQL's own bound); more are 54001. */
export const MAX_GROUPING_SETS = 4096;

/** Elements of one CUBE (PostgreSQL's own bound); more are 54011. */
export const MAX_CUBE_ELEMENTS = 12;

/** Rows that one call of a function in FROM may give. */
export const MAX_FUNCTION_ROWS = 2_000_000;

/** States of the automaton of a regular expression, its repetitions written out; more are 2201B. */
export const MAX_REGEX_STATES = 20_000;

/** Parentheses of a regular expression inside each other; more are 2201B. */
export const MAX_REGEX_DEPTH = 500;

/** Characters (UTF-16 units) of a text that a regular expression is matched against: a second's work at most. */
export const MAX_REGEX_TEXT_CHARACTERS = 1024 * 1024;

/** Members of the sets of states that a regular expression keeps while it is matched; beyond it they are made anew. */
export const MAX_REGEX_CACHE = 50_000;

/** Body of one log frame. */
export const MAX_FRAME_BYTES = 1024 * 1024 * 1024;

/** Prepared statements or portals that one connection keeps. */
export const MAX_PREPARED_PER_CONNECTION = 10_000;

/** Channels one connection listens on. */
export const MAX_CHANNELS_PER_CONNECTION = 100_000;

/** Bytes of notifications and replies waiting for a client that does not read; beyond it the client is disconnected. */
export const MAX_LISTENER_QUEUE_BYTES = 16 * 1024 * 1024;

/** Output of that size is offered to the socket between two messages rather than at the end of the turn. */
export const WRITE_THROUGH_BYTES = 64 * 1024;

/**
 * Unsent bytes beyond which an idle client's notifications wait where they are shared with other listeners, rather than
 * in its own output.
 */
export const NOTIFICATION_OUTPUT_BYTES = 64 * 1024;

/** Bytes of unsent replies beyond which a client's further messages wait until it has read some. */
export const OUTPUT_HIGH_WATER_BYTES = 4 * 1024 * 1024;

/**
 * MiB that the unfinished results and cursors of one session may hold, unless DELTAT_WORK_MEM_MB says otherwise; more is
 * 53200.
 */
export const DEFAULT_WORK_MEM_MB = 256;

/** How long the slices of long statements may run, all sessions together, before others have their turn. */
export const TURN_SLICES_MS = 4;

/** A client's messages that take less, as many as come at once, are never a reason to let it wait. */
export const SHORT_WORK_MS = 1;

/** What a client's longer messages may have taken lately; beyond it the next wait in line with the slices of statements. */
export const MAX_TIME_DEBT_MS = 20;

/** In that time it falls to 1/e. */
export const TIME_DEBT_MEMORY_MS = 5000;

/**
 * After such a message the next waits for this part of the time that it took, at most MAX_REST_MS, if there is somebody
 * whose messages take less than a fourth of it: those are answered meanwhile.
 */
export const REST_SHARE = 0.5;
export const MAX_REST_MS = 50;

/** Bytes of further messages that are read while a statement runs or waits; beyond it the socket waits. */
export const MAX_WAITING_INPUT_BYTES = 256 * 1024;

/** Seconds after which a client that has read nothing of what waits for it is disconnected. */
export const READ_TIMEOUT_SECONDS = 300;

/** Seconds that a client has to read its last error before the connection is cut. */
export const CLOSE_LINGER_SECONDS = 5;

/**
 * Sockets open beyond DELTAT_MAX_CONNECTIONS, for clients in start-up, such as those to be told that there is no place,
 * and for cancel requests; one more takes the place of a client that is not authenticated.
 */
export const EXTRA_SOCKETS = 256;

/** How long a change waits for queries that read the tables it changes; one that is not done by then is 40001. */
export const MAX_SETTLE_MS = 2000;

/** The share of the time that changes wait for queries in the long run. */
export const SETTLE_SHARE = 0.1;

/** Databases of one data folder; each has its own log, laid out ahead. */
export const MAX_DATABASES = 1000;

/** Length of a database name, bytes of UTF-8 (PostgreSQL: NAMEDATALEN - 1). */
export const MAX_DATABASE_NAME_BYTES = 63;

/** Seconds a client has to complete start-up and authentication (PostgreSQL: authentication_timeout). */
export const AUTHENTICATION_TIMEOUT_SECONDS = 60;

/** Seconds that a graceful stop may take before connections are cut. */
export const SHUTDOWN_GRACE_SECONDS = 8;

/** Cached plans with their texts, an estimate, all sessions together; beyond it the least used are dropped. */
export const MAX_SHAPE_CACHE_BYTES = 16 * 1024 * 1024;

/** Share of the time that a log with a full disk spends on trying whether there is room again. */
export const FULL_DISK_TRIES_SHARE = 0.05;

/** How long frames that found no room wait before they are written again. */
export const FULL_DISK_RETRY_MS = 250;

/** How old the knowledge that a log's file is still in its folder may be when frames are written to it. */
export const FOLDER_CHECK_MS = 1000;
