import java.io.*;
import java.util.*;

public class Main {
    public static void main(String[] args) throws IOException {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
        List<String[]> rows = new ArrayList<>();
        in.lines().forEach(line -> rows.add(line.split(";")));
        int total = 0;
        for (String[] row : rows) System.out.println(Arrays.toString(row));
        for (String[] row : rows.subList(1, rows.size())) total += Integer.parseInt(row[1]);
        System.out.println("total " + total);
    }
}
