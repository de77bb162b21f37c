import java.math.*;

public class Main {
    public static void main(String[] args) {
        BigInteger factorial = BigInteger.ONE;
        for (int n = 2; n <= 30; n++) factorial = factorial.multiply(BigInteger.valueOf(n));
        System.out.println(factorial);
        System.out.println(BigInteger.TWO.pow(200));
        System.out.println(BigInteger.valueOf(3).modPow(BigInteger.TEN.pow(18), BigInteger.valueOf(1_000_000_007)));
        System.out.println(new BigInteger("ff", 16) + " " + BigInteger.valueOf(-7).mod(BigInteger.TWO) + " " + -7 / 2 + " " + -7 % 2);
        System.out.println(Integer.MAX_VALUE + 1);
        System.out.println(Long.MAX_VALUE + " " + (Long.MIN_VALUE - 1) + " " + (int) 3e10 + " " + (byte) 200 + " " + (char) 98);
        System.out.println(new BigDecimal("0.1").add(new BigDecimal("0.2")) + " " + new BigDecimal(1).divide(new BigDecimal(7), 20, RoundingMode.HALF_UP));
        System.out.println(Integer.toBinaryString(-8 >>> 28) + " " + (-8 >> 1) + " " + Integer.toHexString(-1) + " " + Long.parseLong("-101", 2));
        System.out.println(new BigInteger("1000000007").isProbablePrime(20) + " " + factorial.bitLength());
        try {
            Math.addExact(Integer.MAX_VALUE, 1);
        } catch (ArithmeticException error) {
            System.out.println(error.getMessage());
        }
    }
}
