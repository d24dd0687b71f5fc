-- Files, as far as a Lua program sees them, and the calendar.
local path = "/tmp/lua.txt"
local file = assert(io.open(path, "w"))
assert(file:setvbuf("full", 512))
for number = 1, 1000 do assert(file:write(number, " ", number * number, "\n")) end
assert(file:close())

local sum, count = 0, 0
for line in io.lines(path) do
    local number, square = line:match("^(%d+) (%d+)$")
    assert(tonumber(square) == tonumber(number) ^ 2)
    sum, count = sum + number, count + 1
end
assert(sum == 500500 and count == 1000)

assert(os.rename(path, "/tmp/renamed.txt"))
assert(not io.open(path))
local renamed = assert(io.open("/tmp/renamed.txt", "r+"))
local bytes = renamed:seek("end")
renamed:seek("set", 2)
assert(renamed:read("n") == 1 and renamed:read("n") == 2 and renamed:read("L") == " 4\n")
renamed:seek("set", 0)
assert(renamed:write("X"))
renamed:seek("set", 0)
assert(renamed:read("l") == "X 1")
assert(renamed:close())
assert(os.remove("/tmp/renamed.txt"))
local gone, why = os.remove("/tmp/renamed.txt")
assert(not gone and why == "/tmp/renamed.txt: No such file or directory", why)

local unnamed = assert(io.tmpfile())
assert(unnamed:write(("0123456789"):rep(10000)))
unnamed:seek("set", 99995)
assert(unnamed:read("a") == "56789")
unnamed:close()
local name = os.tmpname()
assert(io.open(name, "w")):close()
assert(os.remove(name))

assert(os.date("!%Y-%m-%d %H:%M:%S", 951782400) == "2000-02-29 00:00:00")
assert(os.time { year = 2001, month = 9, day = 9, hour = 1, min = 46, sec = 40 } == 1000000000)
assert(os.getenv("NOWHERE") == nil and os.clock() >= 0)
return string.format("%d lines of %d bytes, there and gone", count, bytes)
