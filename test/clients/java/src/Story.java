import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** What is told, where to, and how what was seen is said: see ../../foreign/foreign-client.ts for the lines on stdout. */
final class Story {
  record Resource(String id, String parent_id, String name, int capacity, long buffer_after) {}

  record Rule(String id, String resource_id, long start, long end, boolean blocking) {}

  record Booking(String id, String resource_id, long start, long end, String label) {}

  record Hold(String id, String resource_id, long start, long end, long expires_at) {}

  record Interview(String id, String label) {}

  record Run(long start, long end) {}

  record RoomRun(String resource_id, long start, long end) {}

  record DiaryEntry(String room, String label, long start, long end) {}

  record Conflict(String code, String message) {}

  /** What was seen. */
  static final class Outcome {
    List<String> batch;
    Conflict conflict;
    int repeated;
    String badBatch;
    List<RoomRun> interview;
    long holdsLeft;
    List<Run> free;
    List<RoomRun> freePerRoom;
    List<Run> freeTogether;
    int inside;
    int afterRollback;
    List<Object> heard;
    List<DiaryEntry> diary;
  }

  Resource house;
  Resource small;
  Resource large;
  Rule open;
  Rule cleaning;
  Booking ada;
  Booking grace;
  Booking late;
  List<Booking> batch;
  List<Booking> badBatch;
  Hold hold;
  Interview interview;
  Run window;
  long minDuration;
  Booking never;
  Run moved;
  String channel;
  int heard;

  static final Gson GSON = new GsonBuilder().serializeNulls().disableHtmlEscaping().create();

  static Story read() throws IOException {
    return GSON.fromJson(Files.readString(Path.of(System.getenv("STORY"))), Story.class);
  }

  /** The server's address, with a database of its own for each teller. */
  static String urlOf(String database) {
    return "jdbc:postgresql://" + System.getenv("PGHOST") + ":" + System.getenv("PGPORT") + "/" + database;
  }

  static void say(String teller, Outcome outcome) {
    System.out.println("story " + teller + " " + GSON.toJson(outcome));
  }
}
