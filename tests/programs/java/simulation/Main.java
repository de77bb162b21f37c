import java.util.*;

public class Main {
    public static void main(String[] args) {
        Random random = new Random(42);
        System.out.println(random.nextInt(100) + " " + random.nextInt(100) + " " + random.nextBoolean());
        boolean[][] world = new boolean[5][5];
        for (int[] cell : new int[][] {{1, 2}, {2, 2}, {3, 2}}) world[cell[0]][cell[1]] = true;
        for (int turn = 0; turn < 2; turn++) {
            for (boolean[] row : world) {
                for (boolean alive : row) System.out.print(alive ? '#' : '.');
                System.out.println();
            }
            boolean[][] next = new boolean[5][5];
            for (int r = 0; r < 5; r++)
                for (int c = 0; c < 5; c++) {
                    int around = 0;
                    for (int y = Math.max(0, r - 1); y <= Math.min(4, r + 1); y++)
                        for (int x = Math.max(0, c - 1); x <= Math.min(4, c + 1); x++)
                            if ((y != r || x != c) && world[y][x]) around++;
                    next[r][c] = around == 3 || world[r][c] && around == 2;
                }
            world = next;
        }
        int[] sieve = new int[100];
        for (int n = 2; n < 100; n++) if (sieve[n] == 0) for (int k = n * n; k < 100; k += n) sieve[k] = 1;
        for (int n = 2; n < 100; n++) if (sieve[n] == 0) System.out.print(n + " ");
        System.out.println();
        int[] data = {1, 3, 5, 7};
        System.out.println(Arrays.binarySearch(data, 5) + " " + Arrays.binarySearch(data, 4));
    }
}
