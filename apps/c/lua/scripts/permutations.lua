-- Every order of seven letters, by a generator that yields out of its own recursion.
local function permute(letters, count)
    count = count or #letters
    if count <= 1 then
        coroutine.yield(table.concat(letters))
        return
    end
    for index = 1, count do
        letters[count], letters[index] = letters[index], letters[count]
        permute(letters, count - 1)
        letters[count], letters[index] = letters[index], letters[count]
    end
end

local seen, count, least = {}, 0, nil
for word in coroutine.wrap(function() permute({ "s", "k", "e", "t", "i", "c", "o" }) end) do
    assert(not seen[word], word)
    seen[word], count = true, count + 1
    if not least or word < least then least = word end
end
assert(count == 5040 and least == "ceikost")
return string.format("%d words, the least %s", count, least)
