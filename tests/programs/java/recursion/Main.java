import java.util.*;

public class Main {
    static int hanoi(int n, char a, char b, char c) {
        return n == 0 ? 0 : hanoi(n - 1, a, c, b) + 1 + hanoi(n - 1, c, b, a);
    }

    static final Map<String, Long> known = new HashMap<>();

    static long paths(int x, int y) {
        if (x == 0 || y == 0) return 1;
        String key = x + "," + y;
        Long found = known.get(key);
        if (found == null) {
            found = paths(x - 1, y) + paths(x, y - 1);
            known.put(key, found);
        }
        return found;
    }

    static void permute(String prefix, String rest, List<String> all) {
        if (rest.isEmpty()) all.add(prefix);
        for (int i = 0; i < rest.length(); i++)
            permute(prefix + rest.charAt(i), rest.substring(0, i) + rest.substring(i + 1), all);
    }

    static int depth(int n) {
        return n == 0 ? 0 : 1 + depth(n - 1);
    }

    static int forever(int n) {
        return forever(n + 1) + 1;
    }

    public static void main(String[] args) {
        System.out.println(hanoi(12, 'A', 'B', 'C'));
        System.out.println(paths(16, 16));
        List<String> all = new ArrayList<>();
        permute("", "abc", all);
        System.out.println(all);
        System.out.println(depth(3000));
        try {
            forever(0);
        } catch (StackOverflowError error) {
            System.out.println(error);
        }
    }
}
