class Album {
    final String[] names;

    Album(String[] names) {
        this.names = names;
    }
}

class Shop {
    public static void main(String[] args) {
        System.out.println(new Album(new String[] {"a", "b"}).names.length);
    }
}
