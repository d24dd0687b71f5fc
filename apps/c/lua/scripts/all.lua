-- Runs the ten scripts, each in a coroutine of its own; each checks itself and returns what it found out.
local names = { "pipeline", "permutations", "scheduler", "primes", "words", "csv", "json", "bytes", "files", "errors" }
local passed = 0
for number, name in ipairs(names) do
    local script = assert(loadfile("/" .. name .. ".lua"))
    local thread = coroutine.create(script)
    local is_well, found = coroutine.resume(thread)
    if is_well and coroutine.status(thread) == "dead" then
        passed = passed + 1
        print(string.format("%2d %-12s %s", number, name, found))
    else
        print(string.format("%2d %-12s %s", number, name, debug.traceback(thread, found)))
    end
end
print(string.format("%d of %d scripts", passed, #names))
os.exit(passed == #names)
