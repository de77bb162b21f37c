import java.util.*;

class Student implements Comparable<Student> {
    final String name;
    final double mark;
    final int year;

    Student(String name, double mark, int year) {
        this.name = name;
        this.mark = mark;
        this.year = year;
    }

    @Override
    public int compareTo(Student other) {
        return name.compareTo(other.name);
    }
}

public class Main {
    public static void main(String[] args) {
        Scanner in = new Scanner(System.in);
        int count = Integer.parseInt(in.nextLine());
        List<Student> students = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            String[] parts = in.nextLine().split(",");
            students.add(new Student(parts[0], Double.parseDouble(parts[1]), Integer.parseInt(parts[2])));
        }
        students.sort(Comparator.comparingDouble((Student s) -> -s.mark).thenComparingInt(s -> s.year)
            .thenComparing(Comparator.naturalOrder()));
        int place = 1;
        for (Student s : students) System.out.printf("%2d. %-8s%6.2f %d%n", place++, s.name, s.mark, s.year);
        Collections.sort(students);
        System.out.println(students.get(0).name + " " + students.get(4).name);
        Integer[] numbers = {10, 9, 1, 100};
        Arrays.sort(numbers, Collections.reverseOrder());
        System.out.println(Arrays.toString(numbers));
    }
}
