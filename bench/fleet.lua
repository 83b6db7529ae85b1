-- wrk -s fleet.lua URL -- FILE: sends the prepared requests of FILE in turn.
local requests, place = {}, 0
function init(args)
  for line in io.lines(args[1]) do
    local path, token, prefer, body = line:match("^([^\t]*)\t([^\t]*)\t([^\t]*)\t(.*)$")
    local headers = { ["Content-Type"] = "application/json" }
    if token ~= "" then headers["Authorization"] = "Bearer " .. token end
    if prefer ~= "" then headers["Prefer"] = prefer end
    requests[#requests + 1] = wrk.format("POST", path, headers, body)
  end
end
function request() place = place % #requests + 1; return requests[place] end
