import java.util.*;
import java.util.regex.*;

public class Main {
    public static void main(String[] args) {
        Scanner in = new Scanner(System.in);
        in.useDelimiter("\\A");
        String text = in.next();
        Matcher mail = Pattern.compile("\\b[\\w.]+@[\\w.]+\\.\\w+\\b").matcher(text);
        while (mail.find()) System.out.println(mail.group() + " " + mail.start());
        Matcher date = Pattern.compile("(?<year>\\d{4})-(?<month>\\d\\d)-(\\d\\d)").matcher(text);
        while (date.find()) System.out.println(date.group("year") + "/" + date.group("month") + "/" + date.group(3));
        System.out.println("hello world again there".replaceAll("(\\w+) (\\w+)", "$2 $1"));
        System.out.println(Arrays.toString("a, b;c,d".split("[,;]\\s*")));
        System.out.println(Pattern.compile("\\d+").matcher("3 apples, 12 pears").replaceAll(m -> "" + Integer.parseInt(m.group()) * 2));
        System.out.println("Écrit".matches("\\p{Lu}\\p{Ll}+") + " " + Pattern.compile("^b", Pattern.MULTILINE).matcher("a\nb").find());
    }
}
