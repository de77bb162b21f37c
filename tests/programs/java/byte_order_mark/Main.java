import java.io.*;

public class Main {
    public static void main(String[] args) throws IOException {
        byte[] raw = System.in.readAllBytes();
        StringBuilder hex = new StringBuilder();
        for (byte b : raw) hex.append(String.format("%02x ", b));
        System.out.println(hex.toString().trim());
        String text = new String(raw, "UTF-8");
        System.out.println((int) text.charAt(0) + " " + text.length());
        try {
            Integer.parseInt(text.split("\n")[0]);
        } catch (NumberFormatException error) {
            System.out.println("not a number");
        }
        System.out.println(Integer.parseInt(text.substring(1, 3)));
    }
}
