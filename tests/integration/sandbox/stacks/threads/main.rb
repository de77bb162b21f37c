ready, go = Queue.new, Queue.new
made = 64.times.map do
  Thread.new do
    ready << 1
    go.pop
  end
end
64.times { ready.pop }
64.times { go << 1 }
made.each(&:join)
puts "well"
