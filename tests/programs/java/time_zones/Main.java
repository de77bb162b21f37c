import java.time.*;
import java.time.format.DateTimeFormatter;
import java.util.TimeZone;

public class Main {
    public static void main(String[] args) {
        Instant noon = Instant.parse("2024-07-01T12:00:00Z");
        for (String zone : new String[] {"Europe/Paris", "America/New_York", "Asia/Kolkata", "Australia/Sydney"})
            System.out.println(noon.atZone(ZoneId.of(zone)) + " " + noon.atZone(ZoneId.of(zone)).format(DateTimeFormatter.ofPattern("HH:mm xxx")));
        System.out.println(ZoneId.systemDefault() + " " + TimeZone.getDefault().getRawOffset());
        ZonedDateTime gap = ZonedDateTime.of(2024, 3, 31, 2, 30, 0, 0, ZoneId.of("Europe/Paris"));
        System.out.println(gap);
    }
}
