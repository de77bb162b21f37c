numbers = $stdin.read.split.map(&:to_i)
puts [numbers.size, numbers.sum, numbers.min, numbers.max].join(" ")
printf("mean %.3f\n", numbers.sum.fdiv(numbers.size))
