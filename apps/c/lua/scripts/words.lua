-- Words of a text, counted and sorted; patterns with captures, positions, frontiers and balanced brackets.
local text = [[
A word is the thirty-two bits that a futex waits on. A thread that waits for a word sleeps; a thread that wakes a word
wakes who sleeps there. (What a word holds (or does not) is the program's matter.) A word, a thread, a core: nothing more.
]]
local counts, order = {}, {}
for word in text:lower():gmatch("%a[%a']*") do
    if not counts[word] then order[#order + 1] = word end
    counts[word] = (counts[word] or 0) + 1
end
table.sort(order, function(a, b)
    if counts[a] ~= counts[b] then return counts[a] > counts[b] end
    return a < b
end)
assert(text:match("%b()") == "(What a word holds (or does not) is the program's matter.)")
assert(text:find("%f[%w]core%f[%W]") == text:find("core", 1, true))
local swapped = text:gsub("(%w+) (%w+)", "%2 %1", 1)
assert(swapped:sub(1, 6) == "word A")
local replaced, times = text:gsub("word", { word = "futaphore" })
assert(times == counts.word and #replaced == #text + 5 * times)
local told = {}
for index = 1, 6 do told[index] = order[index] .. " " .. counts[order[index]] end
return table.concat(told, ", ")
