require "tempfile"
require "fileutils"
require "open3"
require "csv"
require "socket"
require "timeout"

total, lock = 0, Mutex.new
16.times.map { Thread.new { 1000.times { lock.synchronize { total += 1 } } } }.each(&:join)
puts total
queue = Queue.new
producer = Thread.new { 5.times { |n| queue << n * n }; queue << nil }
while (item = queue.pop)
  print item, ";"
end
puts producer.value.class, Thread.new { Thread.current[:x] = 42 }.value
failed = Thread.new { Thread.current.report_on_exception = false; raise "in a thread" }
puts (failed.join rescue $!.message)
fiber = Fiber.new { Fiber.yield 1; 2 }
puts fiber.resume, fiber.resume, fiber.alive?
File.write("log.txt", "one\ntwo\n")
File.open("log.txt", "a") { |f| f.puts "three", 4 }
puts File.readlines("log.txt", chomp: true).inspect, File.size("log.txt"), File.exist?("missing.txt")
FileUtils.mkdir_p("a/b/c"); FileUtils.touch("a/b/c/x.rb"); puts Dir.glob("a/**/*").sort.inspect; FileUtils.rm_r("a")
begin
  File.open("missing.txt")
rescue Errno::ENOENT => error
  puts error.message
end
Tempfile.create("x") { |f| puts f.path.start_with?("/tmp/"); f.write("ab"); f.rewind; puts f.read }
puts CSV.parse("name,city\nAnn,\"Paris, France\"\n", headers: true).first["city"], ["a", 'b"c'].to_csv
out, status = Open3.capture2("tr a-z A-Z", stdin_data: "shout")
puts out, status.success?, `exit 5`.inspect, $?.exitstatus, system("true")
reader, writer = IO.pipe
pid = fork { reader.close; writer.puts "from the child"; exit! 4 }
writer.close
puts reader.read, Process.wait2(pid)[1].exitstatus
server = TCPServer.new("127.0.0.1", 0)
Thread.new { client = server.accept; client.puts client.gets.upcase; client.close }
socket = TCPSocket.new("127.0.0.1", server.addr[1])
socket.puts "over the wire"
puts socket.read
begin
  Timeout.timeout(0.05) { sleep }
rescue Timeout::Error
  puts "too slow"
end
def depth(n) = n.zero? ? 0 : 1 + depth(n - 1)
puts depth(5000)
begin
  def forever = forever
  forever
rescue SystemStackError => error
  puts error.message
end
