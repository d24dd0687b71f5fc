-- A hundred tasks in a ring hand a token on; a scheduler of twenty lines runs them.
local tasks, ready, boxes = {}, {}, {}

local function send(to, message)
    table.insert(boxes[to], message)
    if tasks[to] and coroutine.status(tasks[to]) == "suspended" then table.insert(ready, to) end
end

local function receive(own)
    while #boxes[own] == 0 do coroutine.yield() end
    return table.remove(boxes[own], 1)
end

local COUNT, ROUNDS = 100, 30
local steps, ends = 0, {}
for own = 1, COUNT do
    boxes[own] = {}
    tasks[own] = coroutine.create(function()
        for _ = 1, ROUNDS do
            local token = receive(own)
            steps = steps + 1
            send(own % COUNT + 1, token + own)
        end
        ends[#ends + 1] = own
    end)
    assert(coroutine.resume(tasks[own]))
end
send(1, 0)
while #ready > 0 do
    local own = table.remove(ready, 1)
    if coroutine.status(tasks[own]) == "suspended" then assert(coroutine.resume(tasks[own])) end
end
assert(steps == COUNT * ROUNDS and #ends == COUNT and boxes[1][1] == ROUNDS * COUNT * (COUNT + 1) // 2)
return string.format("%d steps, the token is %d", steps, boxes[1][1])
