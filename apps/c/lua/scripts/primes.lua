-- The sieve as a chain of coroutines, one for each prime, inside of one another: some 190 would be too deep for Lua.
local function numbers(from)
    return coroutine.wrap(function()
        for number = from, math.huge do coroutine.yield(number) end
    end)
end

local function without_multiples(of, source)
    return coroutine.wrap(function()
        for number in source do
            if number % of ~= 0 then coroutine.yield(number) end
        end
    end)
end

local source, primes = numbers(2), {}
while #primes < 90 do
    local prime = source()
    primes[#primes + 1] = prime
    source = without_multiples(prime, source)
end
assert(primes[50] == 229 and primes[90] == 463)
return table.concat(primes, " ", 81)
