-- Strings as bytes: base 64, a checksum, packed integers and floats.
local LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

local function encode(bytes)
    local text = bytes:gsub("..?.?", function(group)
        local a, b, c = group:byte(1, 3)
        local bits = a << 16 | (b or 0) << 8 | (c or 0)
        local letters = {}
        for index = 1, #group + 1 do
            local at = (bits >> 24 - 6 * index & 63) + 1
            letters[index] = LETTERS:sub(at, at)
        end
        return table.concat(letters) .. ("="):rep(3 - #group)
    end)
    return text
end

local values = {}
for index = 1, 64 do values[LETTERS:byte(index)] = index - 1 end

local function decode(text)
    return (text:gsub("(.)(.)(.)(.)", function(...)
        local bits, count = 0, 3
        for _, letter in ipairs { ... } do
            bits = bits << 6 | (values[letter:byte()] or 0)
            if letter == "=" then count = count - 1 end
        end
        return string.pack(">I3", bits):sub(1, count)
    end))
end

local function checksum(bytes)
    local crc = 0xffffffff
    for index = 1, #bytes do
        crc = crc ~ bytes:byte(index)
        for _ = 1, 8 do crc = crc >> 1 ~ (0xedb88320 & -(crc & 1)) end
    end
    return crc ~ 0xffffffff
end

assert(encode("any carnal pleas") == "YW55IGNhcm5hbCBwbGVhcw==" and decode("YW55IGNhcm5hbCBwbGVhcw==") == "any carnal pleas")
assert(checksum("123456789") == 0xcbf43926)
local state, bytes = 1, {}
for index = 1, 4096 do
    state = (state * 6364136223846793005 + 1442695040888963407)
    bytes[index] = string.char(state >> 56)
end
bytes = table.concat(bytes)
assert(decode(encode(bytes)) == bytes)
local packed = string.pack("<i4 >d s2 z", -7, 1 / 3, "with a length", "with a zero")
local integer, float, counted, ended = string.unpack("<i4 >d s2 z", packed)
assert(integer == -7 and float == 1 / 3 and counted == "with a length" and ended == "with a zero")
return string.format("%08x of %d bytes, %d letters", checksum(bytes), #bytes, #encode(bytes))
