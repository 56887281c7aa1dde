import java.sql.Connection;

/** Tells the booking story through pgjdbc, as it is set by default and otherwise. */
final class Main {
  public static void main(String[] args) throws Exception {
    Story story = Story.read();
    System.out.println("version pgjdbc " + org.postgresql.util.DriverInfo.DRIVER_VERSION);
    Jdbc.tell("pgjdbc", story);
    Jdbc.tell("pgjdbc_prepared", story, "prepareThreshold", "1", "binaryTransfer", "true");
    Jdbc.tell("pgjdbc_rewritten", story, "reWriteBatchedInserts", "true");
    Jdbc.tell("pgjdbc_simple", story, "preferQueryMode", "simple");
    try (Connection connection = Jdbc.connect("pgjdbc_more")) {
      Beyond beyond = new Beyond("pgjdbc", story, connection);
      beyond.all();
      if (beyond.failed) System.exit(1);
    }
  }
}
