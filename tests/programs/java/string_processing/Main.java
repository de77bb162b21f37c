import java.util.*;

public class Main {
    static boolean isPalindrome(String text) {
        String plain = text.toLowerCase().replaceAll("[^a-z]", "");
        return new StringBuilder(plain).reverse().toString().equals(plain);
    }

    static String caesar(String text, int shift) {
        StringBuilder result = new StringBuilder();
        for (char c : text.toCharArray()) {
            if (Character.isUpperCase(c)) result.append((char) ('A' + (c - 'A' + shift + 26) % 26));
            else if (Character.isLowerCase(c)) result.append((char) ('a' + (c - 'a' + shift + 26) % 26));
            else result.append(c);
        }
        return result.toString();
    }

    public static void main(String[] args) {
        System.out.println(isPalindrome("A man, a plan, a canal: Panama") + " " + isPalindrome("Panama"));
        System.out.println(caesar("Hello, World!", 3) + " " + caesar(caesar("Zebra", 5), -5));
        String s = "  some text ";
        System.out.println("[" + s.trim() + "][" + s.strip().indexOf("text") + "][" + s.isBlank() + "]");
        System.out.println(String.join("-", List.of("a", "b")) + " " + "a,b,,".split(",").length + " " + "abc".compareTo("abd"));
        System.out.println('a' + 1 + " " + (char) ('a' + 1) + " " + "x" + 1 + 2 + " " + 1 + 2);
        StringBuilder builder = new StringBuilder("hello").insert(0, '>').deleteCharAt(2).append(3.0).append(true);
        builder.setCharAt(0, '<');
        System.out.println(builder + " " + "banana".lastIndexOf("an") + " " + "banana".replace('a', 'o'));
        System.out.println(String.format("|%5s|%-5s|%05d|%x|%c|%b|%%|%+d|", "ab", "cd", 42, 255, 'z', true, 7));
        System.out.println("line1\nline2\r\nline3".lines().toList() + " " + "ab".chars().sum() + " " + "AbC".toLowerCase().equals("abc"));
    }
}
