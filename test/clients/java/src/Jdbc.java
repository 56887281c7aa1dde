import com.google.gson.JsonParser;
import java.sql.BatchUpdateException;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import org.postgresql.PGConnection;
import org.postgresql.PGNotification;
import org.postgresql.util.PSQLException;

/** The story, by JDBC. */
final class Jdbc {
  static final String ADD_RESOURCE =
      "INSERT INTO resources (id, parent_id, name, capacity, buffer_after) VALUES (?, ?, ?, ?, ?)";
  static final String ADD_RULE =
      "INSERT INTO rules (id, resource_id, start, \"end\", blocking) VALUES (?, ?, ?, ?, ?)";
  static final String BOOK =
      "INSERT INTO bookings (id, resource_id, start, \"end\", label) VALUES (?, ?, ?, ?, ?)";
  static final String HOLD =
      "INSERT INTO holds (id, resource_id, start, \"end\", expires_at) VALUES (?, ?, ?, ?, ?)";
  static final String TAKE =
      "INSERT INTO bookings (id, hold_id, label) VALUES (?, ?, ?) RETURNING resource_id, start, \"end\"";
  static final String FREE =
      "SELECT start, \"end\" FROM availability"
          + " WHERE resource_id = ? AND start >= ? AND \"end\" <= ? AND min_duration = ?";
  static final String FREE_PER_ROOM =
      "SELECT resource_id, start, \"end\" FROM availability"
          + " WHERE resource_id = ANY(?) AND start >= ? AND \"end\" <= ? AND per_resource = true";
  static final String FREE_TOGETHER =
      "SELECT start, \"end\" FROM availability WHERE resource_id IN (?, ?) AND start >= ? AND \"end\" <= ?";
  static final String LOOK = "SELECT id FROM bookings WHERE resource_id = ? AND start = ?";
  static final String DIARY =
      "SELECT r.name, b.label, b.start, b.\"end\""
          + " FROM bookings b JOIN resources r ON r.id = b.resource_id ORDER BY b.start, r.name";

  interface Row<T> {
    T read(ResultSet row) throws SQLException;
  }

  static Connection connect(String database, String... properties) throws SQLException {
    Properties all = new Properties();
    all.setProperty("user", System.getenv("PGUSER"));
    all.setProperty("password", System.getenv("PGPASSWORD"));
    for (int i = 0; i < properties.length; i += 2) all.setProperty(properties[i], properties[i + 1]);
    return DriverManager.getConnection(Story.urlOf(database), all);
  }

  static void set(PreparedStatement statement, Object... values) throws SQLException {
    for (int i = 0; i < values.length; i++) statement.setObject(i + 1, values[i]);
  }

  static int change(Connection connection, String sql, Object... values) throws SQLException {
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      set(statement, values);
      return statement.executeUpdate();
    }
  }

  static <T> List<T> rows(Connection connection, Row<T> reader, String sql, Object... values) throws SQLException {
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      set(statement, values);
      return collect(statement.executeQuery(), reader);
    }
  }

  static <T> List<T> collect(ResultSet rows, Row<T> reader) throws SQLException {
    List<T> all = new ArrayList<>();
    while (rows.next()) all.add(reader.read(rows));
    return all;
  }

  static Object[] values(Story.Booking booking) {
    return new Object[] {booking.id(), booking.resource_id(), booking.start(), booking.end(), booking.label()};
  }

  private static Story.Run run(ResultSet row) throws SQLException {
    return new Story.Run(row.getLong("start"), row.getLong("end"));
  }

  private static Story.RoomRun roomRun(ResultSet row) throws SQLException {
    return new Story.RoomRun(row.getString("resource_id"), row.getLong("start"), row.getLong("end"));
  }

  /** The server's own word: pgjdbc puts what it adds around it. */
  static Story.Conflict refusal(SQLException error) {
    SQLException cause = error instanceof BatchUpdateException ? error.getNextException() : error;
    if (cause instanceof PSQLException refused && refused.getServerErrorMessage() != null) {
      return new Story.Conflict(refused.getSQLState(), refused.getServerErrorMessage().getMessage());
    }
    return new Story.Conflict(error.getSQLState(), error.getMessage());
  }

  static void tell(String teller, Story story, String... properties) throws Exception {
    try (Connection connection = connect(teller, properties);
        Connection listener = connect(teller)) {
      Story.Outcome outcome = new Story.Outcome();
      furnish(connection, story);
      book(connection, story, outcome);
      findFree(connection, story, outcome);
      listener.createStatement().execute("LISTEN \"" + story.channel + "\"");
      rollBack(connection, story, outcome);
      change(connection, "DELETE FROM bookings WHERE id = ?", story.ada.id());
      change(
          connection,
          "UPDATE bookings SET start = ?, \"end\" = ? WHERE id = ?",
          story.moved.start(),
          story.moved.end(),
          story.grace.id());
      outcome.heard = hear(listener, story.heard);
      outcome.diary =
          rows(
              connection,
              row -> new Story.DiaryEntry(row.getString(1), row.getString(2), row.getLong(3), row.getLong(4)),
              DIARY);
      Story.say(teller, outcome);
    }
  }

  private static void furnish(Connection connection, Story story) throws SQLException {
    change(connection, "INSERT INTO resources (id, name) VALUES (?, ?)", story.house.id(), story.house.name());
    for (Story.Resource room : List.of(story.small, story.large)) {
      change(
          connection, ADD_RESOURCE, room.id(), room.parent_id(), room.name(), room.capacity(), room.buffer_after());
    }
    for (Story.Rule rule : List.of(story.open, story.cleaning)) {
      change(connection, ADD_RULE, rule.id(), rule.resource_id(), rule.start(), rule.end(), rule.blocking());
    }
  }

  private static void book(Connection connection, Story story, Story.Outcome outcome) throws SQLException {
    outcome.batch = new ArrayList<>();
    try (PreparedStatement batch = connection.prepareStatement(BOOK, new String[] {"id"})) {
      for (Story.Booking booking : story.batch) {
        set(batch, values(booking));
        batch.addBatch();
      }
      batch.executeBatch();
      outcome.batch = collect(batch.getGeneratedKeys(), row -> row.getString("id"));
    }
    try {
      change(connection, BOOK, values(story.late));
      throw new IllegalStateException("a collision was let in");
    } catch (SQLException error) {
      outcome.conflict = refusal(error);
    }
    outcome.repeated = change(connection, BOOK + " ON CONFLICT (id) DO NOTHING", values(story.ada));
    connection.setAutoCommit(false);
    try (PreparedStatement batch = connection.prepareStatement(BOOK)) {
      for (Story.Booking booking : story.badBatch) {
        set(batch, values(booking));
        batch.addBatch();
      }
      batch.executeBatch();
      connection.commit();
    } catch (BatchUpdateException error) {
      outcome.badBatch = refusal(error).code();
      connection.rollback();
    }
    connection.setAutoCommit(true);
    Story.Hold hold = story.hold;
    change(connection, HOLD, hold.id(), hold.resource_id(), hold.start(), hold.end(), hold.expires_at());
    outcome.interview =
        rows(connection, Jdbc::roomRun, TAKE, story.interview.id(), hold.id(), story.interview.label());
    outcome.holdsLeft =
        rows(connection, row -> row.getLong(1), "SELECT count(*) FROM holds WHERE resource_id = ?", hold.resource_id())
            .get(0);
  }

  private static void findFree(Connection connection, Story story, Story.Outcome outcome) throws SQLException {
    String small = story.small.id();
    String large = story.large.id();
    long from = story.window.start();
    long to = story.window.end();
    outcome.free = rows(connection, Jdbc::run, FREE, small, from, to, story.minDuration);
    outcome.freePerRoom =
        rows(
            connection,
            Jdbc::roomRun,
            FREE_PER_ROOM,
            connection.createArrayOf("text", new String[] {small, large}),
            from,
            to);
    outcome.freeTogether = rows(connection, Jdbc::run, FREE_TOGETHER, small, large, from, to);
  }

  private static void rollBack(Connection connection, Story story, Story.Outcome outcome) throws SQLException {
    Story.Booking never = story.never;
    connection.setAutoCommit(false);
    change(connection, BOOK, values(never));
    outcome.inside = rows(connection, row -> row.getString(1), LOOK, never.resource_id(), never.start()).size();
    connection.rollback();
    connection.setAutoCommit(true);
    outcome.afterRollback = rows(connection, row -> row.getString(1), LOOK, never.resource_id(), never.start()).size();
  }

  private static List<Object> hear(Connection listener, int count) throws SQLException {
    List<Object> heard = new ArrayList<>();
    PGConnection notified = listener.unwrap(PGConnection.class);
    while (heard.size() < count) {
      PGNotification[] notifications = notified.getNotifications(10_000);
      if (notifications == null || notifications.length == 0) throw new SQLException("no notification came");
      for (PGNotification notification : notifications) heard.add(JsonParser.parseString(notification.getParameter()));
    }
    return heard;
  }
}
