-- What goes wrong, and what is cleaned up after it: errors, closed coroutines, finalizers, weak tables, deep recursion.
local closed = {}
local function closing(name)
    return setmetatable({}, { __close = function(_, why) closed[#closed + 1] = name .. (why and " by an error" or "") end })
end

local thread = coroutine.create(function()
    local outer <close> = closing("outer")
    local inner <close> = closing("inner")
    coroutine.yield("here")
end)
assert(select(2, coroutine.resume(thread)) == "here")
assert(coroutine.close(thread) and coroutine.status(thread) == "dead")
local is_well, why = pcall(function()
    local third <close> = closing("third")
    error({ code = 42 })
end)
assert(not is_well and why.code == 42)

local told = select(2, xpcall(function() local nothing = nil; return nothing.field end, debug.traceback))
assert(told:find("attempt to index a nil value (local 'nothing')", 1, true) and told:find("stack traceback:", 1, true))
local function endless(depth) return 1 + endless(depth + 1) end
assert(select(2, pcall(endless, 1)):find("stack overflow", 1, true))
assert(select(2, pcall(string.rep, "x", 1 << 60)):find("resulting string too large", 1, true))

local finalized, weak = 0, setmetatable({}, { __mode = "k" })
for _ = 1, 1000 do
    weak[setmetatable({}, { __gc = function() finalized = finalized + 1 end })] = true
end
collectgarbage()
collectgarbage()
assert(finalized == 1000 and next(weak) == nil)

local nested = coroutine.wrap(function()
    local deep = coroutine.wrap(function() coroutine.yield(1) error("from within", 0) end)
    coroutine.yield(deep())
    coroutine.yield(select(2, pcall(deep)))
end)
assert(nested() == 1 and nested() == "from within")
return table.concat(closed, ", ")
