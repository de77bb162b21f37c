text = gets.chomp
puts "#{text.length} #{text.bytesize} #{text.encoding}"
puts text.reverse, text.upcase, "straße".upcase
gets.chomp.each_char { |letter| puts format("U+%04X %p", letter.ord, letter.bytes) }
puts "e\u0301".unicode_normalize(:nfc) == "é", "Écrit".match?(/\A\p{Lu}\p{Ll}+\z/), "\xFF".valid_encoding?
größe = 3
puts größe, "né🎉".scan(/./).inspect, "é".encode("ISO-8859-1").bytes.inspect
