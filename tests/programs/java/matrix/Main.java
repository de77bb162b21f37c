import java.util.*;

public class Main {
    public static void main(String[] args) {
        Scanner in = new Scanner(System.in);
        int n = in.nextInt(), m = in.nextInt();
        int[][] matrix = new int[n][m];
        for (int[] row : matrix) for (int c = 0; c < m; c++) row[c] = in.nextInt();
        for (int c = 0; c < m; c++) {
            StringBuilder line = new StringBuilder();
            for (int r = 0; r < n; r++) line.append(r > 0 ? " " : "").append(matrix[r][c]);
            System.out.println(line);
        }
        int[][] product = new int[n][n];
        for (int i = 0; i < n; i++)
            for (int j = 0; j < n; j++)
                for (int k = 0; k < m; k++) product[i][j] += matrix[i][k] * matrix[j][k];
        System.out.println(Arrays.deepToString(product));
        for (int[] row : product) System.out.println(String.format("%5d%5d%5d", row[0], row[1], row[2]));
        int[][] ragged = {{1}, {2, 3}, {}};
        System.out.println(ragged[1].length + ragged[2].length + " " + Arrays.equals(matrix[0].clone(), matrix[0]));
        search:
        for (int[] row : matrix)
            for (int value : row)
                if (value == 7) {
                    System.out.println("found " + value);
                    break search;
                }
    }
}
