class Settings {
    static final double RADIUS = 1.5;
}
