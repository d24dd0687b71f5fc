-- A producer, two filters and a consumer, each a coroutine that asks the one before it.
local function produce(text)
    return coroutine.wrap(function()
        for line in text:gmatch("([^\n]*)\n") do coroutine.yield(line) end
    end)
end

local function filter(source, change)
    return coroutine.wrap(function()
        local number = 0
        for line in source do
            number = number + 1
            coroutine.yield(change(line, number))
        end
    end)
end

local text = string.rep("the quick brown fox\njumps over\nthe lazy dog\n", 400)
local numbered = filter(produce(text), function(line, number) return string.format("%04d %s", number, line) end)
local turned = filter(numbered, function(line) return (line:reverse():upper()) end)
local lines, bytes, last = 0, 0, nil
for line in turned do
    lines, bytes, last = lines + 1, bytes + #line, line
end
assert(lines == 1200 and last == "GOD YZAL EHT 0021", last)
return string.format("%d lines of %d bytes, the last %q", lines, bytes, last)
