-- Fields with commas, quotes and line ends, written and read back.
local function quote(field)
    return field:find('[,"\n]') and '"' .. field:gsub('"', '""') .. '"' or field
end

local function write(rows)
    local lines = {}
    for _, row in ipairs(rows) do
        local fields = {}
        for index, field in ipairs(row) do fields[index] = quote(field) end
        lines[#lines + 1] = table.concat(fields, ",")
    end
    return table.concat(lines, "\n") .. "\n"
end

local function read(text)
    local rows, row, place = {}, {}, 1
    while place <= #text do
        local field, behind
        if text:sub(place, place) == '"' then
            local from, to = place + 1, nil
            repeat
                to = text:find('"', from, true)
                from = to + 2
            until text:sub(to + 1, to + 1) ~= '"'
            field, behind = text:sub(place + 1, to - 1):gsub('""', '"'), to + 1
        else
            behind = text:find("[,\n]", place)
            field = text:sub(place, behind - 1)
        end
        row[#row + 1] = field
        if text:sub(behind, behind) == "\n" then
            rows[#rows + 1], row = row, {}
        end
        place = behind + 1
    end
    return rows
end

local rows = {}
for number = 1, 500 do
    rows[number] = { tostring(number), ('say "%d"'):format(number * number), "a,b\nc", "", ("x"):rep(number % 40) }
end
local text = write(rows)
local back = read(text)
assert(#back == #rows)
for number, row in ipairs(rows) do
    assert(#back[number] == #row)
    for index, field in ipairs(row) do assert(back[number][index] == field) end
end
return string.format("%d rows in %d bytes, back as they were", #back, #text)
