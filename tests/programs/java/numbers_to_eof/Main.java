import java.io.*;
import java.util.*;

public class Main {
    public static void main(String[] args) throws IOException {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
        List<Integer> numbers = new ArrayList<>();
        String line;
        while ((line = in.readLine()) != null) {
            StringTokenizer words = new StringTokenizer(line);
            while (words.hasMoreTokens()) numbers.add(Integer.parseInt(words.nextToken()));
        }
        int sum = 0;
        for (int number : numbers) sum += number;
        System.out.println(numbers.size() + " " + sum + " " + Collections.min(numbers) + " " + Collections.max(numbers));
        System.out.printf("mean %.3f%n", (double) sum / numbers.size());
    }
}
