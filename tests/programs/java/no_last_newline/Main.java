import java.util.*;

public class Main {
    public static void main(String[] args) {
        Scanner in = new Scanner(System.in);
        List<String> lines = new ArrayList<>();
        while (in.hasNextLine()) lines.add(in.nextLine());
        System.out.println(lines);
        System.out.print("last: " + lines.get(lines.size() - 1));
    }
}
