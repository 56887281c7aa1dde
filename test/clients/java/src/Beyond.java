import java.io.StringReader;
import java.io.StringWriter;
import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Savepoint;
import java.sql.Timestamp;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.List;
import org.postgresql.PGConnection;
import org.postgresql.PGStatement;
import org.postgresql.copy.CopyManager;

/** What pgjdbc can do that the story does not need. */
final class Beyond {
  interface Work {
    void run() throws Exception;
  }

  private final String teller;
  private final Connection connection;
  private final String room;
  private final long day;
  private static final long HOUR = 3_600_000;
  boolean failed = false;

  Beyond(String teller, Story story, Connection connection) {
    this.teller = teller;
    this.connection = connection;
    this.room = story.large.id();
    this.day = story.window.start();
  }

  private void attempt(String what, Work work) {
    try {
      work.run();
      System.out.println("ok " + teller + " " + what);
    } catch (Exception | AssertionError error) {
      failed = true;
      System.err.println("-- " + teller + ": " + what);
      error.printStackTrace();
    }
  }

  private static void same(Object seen, Object wanted) {
    if (!seen.equals(wanted)) throw new AssertionError(seen + " instead of " + wanted);
  }

  void all() throws SQLException {
    Jdbc.change(connection, "INSERT INTO resources (id) VALUES (?)", room);
    attempt("CopyManager", this::copy);
    attempt("a statement that the server keeps", this::prepareThreshold);
    attempt("rows by cursor", this::cursor);
    attempt("savepoints", this::savepoints);
    attempt("types of time", this::times);
    attempt("arrays", this::arrays);
    attempt("an updatable batch", this::batches);
    attempt("isolation and read only", this::isolation);
    attempt("query timeout", this::timeout);
    attempt("DatabaseMetaData: tables and columns", this::tables);
    attempt("DatabaseMetaData: keys and indexes", this::keys);
    attempt("DatabaseMetaData: types, schemas, functions", this::catalogs);
    attempt("ParameterMetaData and ResultSetMetaData", this::statementMetaData);
  }

  private void copy() throws Exception {
    StringBuilder rows = new StringBuilder();
    for (int i = 0; i < 100; i++) {
      rows.append(room + "\t" + (day + i * HOUR) + "\t" + (day + (i + 1) * HOUR) + "\tlabel " + i + "\n");
    }
    CopyManager copies = connection.unwrap(PGConnection.class).getCopyAPI();
    String into = "COPY bookings (resource_id, start, \"end\", label) FROM STDIN";
    same(copies.copyIn(into, new StringReader(rows.toString())), 100L);
    StringWriter out = new StringWriter();
    same(copies.copyOut("COPY (SELECT label FROM bookings ORDER BY start LIMIT 2) TO STDOUT", out), 2L);
    same(out.toString(), "label 0\nlabel 1\n");
  }

  private void prepareThreshold() throws SQLException {
    try (PreparedStatement statement = connection.prepareStatement("SELECT label FROM bookings WHERE start = ?")) {
      for (int i = 0; i < 12; i++) {
        statement.setLong(1, day + i * HOUR);
        same(Jdbc.collect(statement.executeQuery(), row -> row.getString(1)), List.of("label " + i));
      }
      same(statement.unwrap(PGStatement.class).isUseServerPrepare(), true);
    }
  }

  private void cursor() throws SQLException {
    connection.setAutoCommit(false);
    try (PreparedStatement statement = connection.prepareStatement("SELECT start FROM bookings ORDER BY start")) {
      statement.setFetchSize(7);
      same(Jdbc.collect(statement.executeQuery(), row -> row.getLong(1)).size(), 100);
    }
    connection.commit();
    connection.setAutoCommit(true);
  }

  private void savepoints() throws SQLException {
    connection.setAutoCommit(false);
    Savepoint savepoint = connection.setSavepoint("before");
    String code = null;
    try {
      Jdbc.change(connection, "INSERT INTO bookings (resource_id, start, \"end\") VALUES (?, ?, ?)", room, day, day + 1);
    } catch (SQLException error) {
      code = error.getSQLState();
      connection.rollback(savepoint);
    }
    same(code, "23P01");
    same(Jdbc.change(connection, "DELETE FROM bookings WHERE label = ?", "label 99"), 1);
    connection.commit();
    connection.setAutoCommit(true);
  }

  private void times() throws SQLException {
    String sql =
        "SELECT to_timestamp(start / 1000.0) AS at, to_timestamp(start / 1000.0)::date AS day,"
            + " to_timestamp(start / 1000.0) AT TIME ZONE 'UTC' AS local FROM bookings WHERE start = ?";
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      for (int i = 0; i < 8; i++) {
        statement.setLong(1, day);
        ResultSet row = statement.executeQuery();
        row.next();
        same(row.getTimestamp("at").getTime(), day);
        same(row.getObject("at", OffsetDateTime.class).toInstant(), Instant.ofEpochMilli(day));
        LocalDate date = Instant.ofEpochMilli(day).atOffset(ZoneOffset.UTC).toLocalDate();
        same(row.getObject("day", LocalDate.class), date);
        same(row.getObject("local", LocalDateTime.class), Instant.ofEpochMilli(day).atOffset(ZoneOffset.UTC).toLocalDateTime());
      }
    }
    String later = "SELECT count(*) FROM bookings WHERE to_timestamp(start / 1000.0) >= ?";
    OffsetDateTime at = Instant.ofEpochMilli(day).plus(Duration.ofHours(50)).atOffset(ZoneOffset.UTC);
    same(Jdbc.rows(connection, row -> row.getLong(1), later, at).get(0), 49L);
    same(Jdbc.rows(connection, row -> row.getLong(1), later, Timestamp.from(at.toInstant())).get(0), 49L);
  }

  private void arrays() throws SQLException {
    String sql = "SELECT array_agg(start ORDER BY start) FROM bookings WHERE label = ANY (?)";
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      statement.setArray(1, connection.createArrayOf("text", new String[] {"label 0", "label 1"}));
      ResultSet row = statement.executeQuery();
      row.next();
      same(List.of((Long[]) row.getArray(1).getArray()), List.of(day, day + HOUR));
    }
  }

  private void batches() throws SQLException {
    try (PreparedStatement statement = connection.prepareStatement("UPDATE bookings SET label = ? WHERE start = ?")) {
      for (int i = 0; i < 20; i++) {
        Jdbc.set(statement, "renamed " + i, day + i * HOUR);
        statement.addBatch();
      }
      for (int count : statement.executeBatch()) same(count, 1);
    }
  }

  private void isolation() throws SQLException {
    connection.setTransactionIsolation(Connection.TRANSACTION_SERIALIZABLE);
    connection.setReadOnly(true);
    connection.setAutoCommit(false);
    String code = null;
    try {
      Jdbc.change(connection, "DELETE FROM bookings");
    } catch (SQLException error) {
      code = error.getSQLState();
    }
    connection.rollback();
    connection.setAutoCommit(true);
    connection.setReadOnly(false);
    connection.setTransactionIsolation(Connection.TRANSACTION_READ_COMMITTED);
    same(code, "25006");
  }

  private void timeout() throws SQLException {
    try (PreparedStatement statement =
        connection.prepareStatement("SELECT count(*) FROM bookings a, bookings b, bookings c, bookings d")) {
      statement.setQueryTimeout(1);
      statement.executeQuery();
      throw new AssertionError("it was not cancelled");
    } catch (SQLException error) {
      same(error.getSQLState(), "57014");
    }
  }

  private List<String> names(ResultSet rows, String column) throws SQLException {
    return Jdbc.collect(rows, row -> row.getString(column));
  }

  private void tables() throws SQLException {
    DatabaseMetaData meta = connection.getMetaData();
    same(
        names(meta.getTables(null, "public", "%", new String[] {"TABLE"}), "TABLE_NAME"),
        List.of("bookings", "holds", "resources", "rules"));
    same(
        names(meta.getColumns(null, "public", "bookings", "%"), "COLUMN_NAME"),
        List.of("id", "resource_id", "start", "end", "label"));
    same(
        names(meta.getColumns(null, "public", "bookings", "%"), "TYPE_NAME"),
        List.of("text", "text", "int8", "int8", "text"));
  }

  private void keys() throws SQLException {
    DatabaseMetaData meta = connection.getMetaData();
    same(names(meta.getPrimaryKeys(null, "public", "bookings"), "COLUMN_NAME"), List.of("id"));
    same(names(meta.getImportedKeys(null, "public", "bookings"), "PKTABLE_NAME"), List.of("resources"));
    same(
        names(meta.getExportedKeys(null, "public", "resources"), "FKTABLE_NAME").contains("bookings"), true);
    same(names(meta.getIndexInfo(null, "public", "bookings", true, false), "COLUMN_NAME").contains("id"), true);
  }

  private void catalogs() throws SQLException {
    DatabaseMetaData meta = connection.getMetaData();
    same(names(meta.getTypeInfo(), "TYPE_NAME").contains("int8"), true);
    same(names(meta.getSchemas(), "TABLE_SCHEM").contains("public"), true);
    same(names(meta.getTableTypes(), "TABLE_TYPE").contains("TABLE"), true);
    names(meta.getFunctions(null, null, "%"), "FUNCTION_NAME");
    names(meta.getProcedures(null, null, "%"), "PROCEDURE_NAME");
    names(meta.getTablePrivileges(null, "public", "%"), "TABLE_NAME");
    names(meta.getBestRowIdentifier(null, "public", "bookings", DatabaseMetaData.bestRowSession, true), "COLUMN_NAME");
    same(meta.getDatabaseProductName(), "PostgreSQL");
    names(meta.getCatalogs(), "TABLE_CAT");
  }

  private void statementMetaData() throws SQLException {
    try (PreparedStatement statement =
        connection.prepareStatement("SELECT id, start AS begins FROM bookings WHERE start > ? AND label = ?")) {
      same(statement.getParameterMetaData().getParameterTypeName(1), "int8");
      same(statement.getMetaData().getColumnName(2), "begins");
      same(statement.getMetaData().getColumnTypeName(1), "text");
      statement.setLong(1, 0);
      statement.setString(2, "x");
      ResultSet rows = statement.executeQuery();
      same(rows.getMetaData().getTableName(1), "bookings");
    }
  }
}
