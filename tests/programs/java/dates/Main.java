import java.time.*;
import java.time.format.DateTimeFormatter;
import java.time.temporal.ChronoUnit;
import java.util.*;

public class Main {
    public static void main(String[] args) {
        LocalDate day = LocalDate.of(2024, 2, 27);
        for (int i = 0; i < 4; i++) System.out.println(day.plusDays(i) + " " + day.plusDays(i).getDayOfWeek());
        System.out.println(ChronoUnit.DAYS.between(LocalDate.of(2024, 1, 1), LocalDate.of(2025, 1, 1)) + " " + Year.isLeap(1900));
        LocalDateTime moment = LocalDateTime.parse("31/12/2023 23:59:30", DateTimeFormatter.ofPattern("dd/MM/yyyy HH:mm:ss"));
        System.out.println(moment.plusSeconds(75) + " " + Duration.ofMinutes(135) + " " + Period.between(day, LocalDate.of(2025, 4, 1)));
        System.out.println(day.format(DateTimeFormatter.ofPattern("EEEE d MMMM yyyy", Locale.ENGLISH)));
        System.out.println(Instant.ofEpochSecond(1_700_000_000) + " " + new Date(0).getTime());
        Calendar calendar = new GregorianCalendar(2024, Calendar.JANUARY, 31);
        calendar.add(Calendar.MONTH, 1);
        System.out.println(calendar.get(Calendar.DAY_OF_MONTH));
        try {
            LocalDate.of(2023, 2, 29);
        } catch (DateTimeException error) {
            System.out.println(error.getMessage());
        }
    }
}
