import java.text.DecimalFormat;
import java.util.Locale;

public class Main {
    public static void main(String[] args) {
        System.out.println(0.1 + 0.2);
        System.out.println(1e7 + " " + 1e-5 + " " + 100.0 + " " + 1.0f / 3 + " " + 1.0 / 3 + " " + 123456789.0);
        System.out.println(1 / 0.0 + " " + -1 / 0.0 + " " + 0.0 / 0 + " " + (Double.NaN == Double.NaN) + " " + -0.0);
        System.out.printf("%.2f %10.3e %08.3f %,.1f %g%n", 2.675, Math.E, -3.14159, 1234567.891, 0.5);
        System.out.println(Math.round(2.5) + " " + Math.round(-2.5) + " " + Math.rint(2.5) + " " + Math.floor(-1.5));
        System.out.println((int) 3.99 + " " + (int) -3.99 + " " + (int) Double.NaN + " " + Math.floorMod(-7, 3));
        System.out.println(new DecimalFormat("#,##0.00").format(1234.5) + " " + String.format(Locale.GERMANY, "%,.2f", 1234.5));
        System.out.println(Double.compare(0.0, -0.0) + " " + Double.MIN_VALUE + " " + Float.MAX_VALUE + " " + Math.hypot(3, 4));
        System.out.println(Double.parseDouble("1e3") + " " + Double.toHexString(0.1) + " " + 5 / 2 + " " + 5 / 2.0);
    }
}
