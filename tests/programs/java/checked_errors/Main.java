import java.util.*;

public class Main {
    static class Door implements AutoCloseable {
        final String name;

        Door(String name) {
            this.name = name;
            System.out.println("open " + name);
        }

        @Override
        public void close() throws Exception {
            System.out.println("close " + name);
            if (name.equals("b")) throw new IllegalStateException("stuck");
        }
    }

    public static void main(String[] args) throws Exception {
        try (Door a = new Door("a"); Door b = new Door("b")) {
            throw new Exception("inside");
        } catch (Exception error) {
            System.out.println(error.getMessage() + " " + Arrays.toString(error.getSuppressed()));
        }
        Runnable[] wrong = {
            () -> { int[][] grid = new int[2][0]; grid[0][1]++; },
            () -> "abc".substring(5),
            () -> ((Object) "x").hashCode(),
            () -> Objects.requireNonNull(null, "nothing given"),
            () -> List.of(1).add(2),
            () -> Integer.parseInt("12x"),
            () -> { Object o = "s"; Integer i = (Integer) o; },
            () -> new ArrayList<>(List.of(1)).iterator().remove(),
        };
        for (Runnable each : wrong) {
            try {
                each.run();
                System.out.println("fine");
            } catch (IndexOutOfBoundsException | UnsupportedOperationException error) {
                System.out.println(error.getClass().getName());
            } catch (RuntimeException error) {
                System.out.println(error.getClass().getSimpleName() + (error.getMessage() == null ? "" : "!"));
            }
        }
    }
}
