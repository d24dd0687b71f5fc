-- Values to text and back, with numbers of both kinds, escapes and letters beyond ASCII.
local function encode(value)
    local kind = type(value)
    if kind == "table" and #value > 0 then
        local parts = {}
        for index, part in ipairs(value) do parts[index] = encode(part) end
        return "[" .. table.concat(parts, ",") .. "]"
    elseif kind == "table" then
        local keys, parts = {}, {}
        for key in pairs(value) do keys[#keys + 1] = key end
        table.sort(keys)
        for index, key in ipairs(keys) do parts[index] = encode(key) .. ":" .. encode(value[key]) end
        return "{" .. table.concat(parts, ",") .. "}"
    elseif kind == "string" then
        return '"' .. value:gsub('[%c"\\]', function(byte) return ("\\u%04x"):format(byte:byte()) end) .. '"'
    elseif math.type(value) == "float" then
        return ("%.17g"):format(value)
    end
    return tostring(value)
end

local function decode(text)
    local place = 1
    local function skip(pattern)
        local from, to, capture = text:find("^%s*" .. pattern, place)
        if from then place = to + 1 end
        return from and (capture or true)
    end
    local function value()
        if skip("{") then
            local result = {}
            while not skip("}") do
                local key = value()
                assert(skip(":"))
                result[key] = value()
                skip(",")
            end
            return result
        elseif skip("%[") then
            local result = {}
            while not skip("%]") do
                result[#result + 1] = value()
                skip(",")
            end
            return result
        end
        local letters = skip('"([^"]*)"')
        if letters then
            return (letters:gsub("\\u(%x%x%x%x)", function(code) return utf8.char(tonumber(code, 16)) end))
        end
        local word = assert(skip("([%w.+-]+)"), place)
        if word == "true" or word == "false" then return word == "true" end
        return math.tointeger(tonumber(word)) or tonumber(word)
    end
    return value()
end

local value = {
    name = 'a "quoted"\nline\\', letters = "Σκήτη", numbers = { 1, -2, 0.1, 1e300, math.maxinteger, math.pi },
    nested = { { deep = { true, false } }, "x" },
}
local text = encode(value)
assert(encode(decode(text)) == text)
assert(decode(text).numbers[6] == math.pi and decode(text).letters == value.letters and utf8.len(value.letters) == 5)
return text:gsub('.*"numbers":', "")
