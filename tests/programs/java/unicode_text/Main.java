import java.nio.charset.StandardCharsets;
import java.text.Normalizer;
import java.util.Scanner;

public class Main {
    public static void main(String[] args) {
        Scanner in = new Scanner(System.in, StandardCharsets.UTF_8);
        String text = in.nextLine();
        System.out.println(text.length() + " " + text.codePointCount(0, text.length()) + " "
            + text.getBytes(StandardCharsets.UTF_8).length);
        System.out.println(new StringBuilder(text).reverse());
        System.out.println(text.toUpperCase() + " " + "straße".toUpperCase());
        in.nextLine().codePoints().forEach(c -> System.out.printf("U+%04X %s%n", c, Character.getName(c)));
        String größe = Normalizer.normalize("e\u0301", Normalizer.Form.NFC);
        System.out.println(größe.equals("é"));
    }
}
