import java.util.Arrays;

public class Main {
    public static void main(String[] args) {
        System.out.println(args.length + " " + Arrays.toString(args));
        System.out.println(System.getenv("COLOUR") + " " + System.getenv("NOPE") + " " + System.getProperty("user.dir").isEmpty());
        System.err.println("warning");
        Runtime.getRuntime().addShutdownHook(new Thread(() -> System.out.println("goodbye")));
        try {
            System.exit(7);
        } finally {
            System.out.println("never");
        }
    }
}
