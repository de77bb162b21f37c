import java.util.*;

public class Main {
    public static void main(String[] args) {
        Map<String, Integer> counts = new TreeMap<>();
        for (String word : "the cat sat on the mat the end".split(" ")) counts.merge(word, 1, Integer::sum);
        System.out.println(counts);
        Map<String, List<Integer>> positions = new LinkedHashMap<>();
        String[] letters = "banana".split("");
        for (int i = 0; i < letters.length; i++) positions.computeIfAbsent(letters[i], k -> new ArrayList<>()).add(i);
        System.out.println(positions);
        Deque<Integer> deque = new ArrayDeque<>(List.of(1, 2, 3));
        deque.addFirst(0);
        deque.push(-1);
        System.out.println(deque + " " + deque.pollLast() + " " + deque.peek());
        PriorityQueue<int[]> heap = new PriorityQueue<>((a, b) -> a[1] - b[1]);
        heap.add(new int[] {1, 30});
        heap.add(new int[] {2, 10});
        heap.add(new int[] {3, 20});
        while (!heap.isEmpty()) System.out.print(heap.poll()[0] + " ");
        System.out.println();
        TreeSet<Integer> set = new TreeSet<>(List.of(5, 1, 9));
        System.out.println(set.headSet(5, true) + " " + set.ceiling(6) + " " + set.floor(0) + " " + set.descendingSet());
        List<Integer> list = new LinkedList<>(List.of(4, 5, 6));
        list.remove(1);
        list.remove(Integer.valueOf(6));
        System.out.println(list + " " + new HashSet<>(List.of("b", "a")).contains("a") + " " + Collections.frequency(List.of(1, 1, 2), 1));
        Integer small = 127, same = 127, large = 1000, other = 1000;
        System.out.println((small == same) + " " + large.equals(other) + " " + "ab".equals(new String("ab")));
        try {
            for (Integer each : new ArrayList<>(List.of(1, 2, 3)) {{ add(4); }}) if (each == 9) break;
            List<Integer> changing = new ArrayList<>(List.of(1, 2, 3));
            for (Integer each : changing) changing.add(each);
        } catch (ConcurrentModificationException error) {
            System.out.println("changed while read");
        }
        BitSet bits = new BitSet();
        bits.set(1, 4);
        System.out.println(bits + " " + bits.cardinality() + " " + Arrays.asList(3, 1, 2).indexOf(2) + " " + "hello".hashCode());
    }
}
