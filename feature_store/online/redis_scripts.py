"""What has to happen in Redis in one piece, in Lua, and the names of the keys there.

vitrine:snapshot          hash: `version` and `place`, which is the key of the snapshot that is read
vitrine:users:N           hash, a snapshot: user_id -> JSON of [history, seen]; expires while it is being loaded
vitrine:loads             counts N up
vitrine:loading           set: places of snapshots that are being loaded, or whose load was killed
vitrine:posted:USER       sorted set: event_ids by event time
vitrine:event:EVENT_ID    JSON of an event without its user
vitrine:tombstones        JSON; vitrine:key_id, vitrine:revision: text and number
vitrine:unwritten         there while the files of Redis may hold events that were posted under another key
vitrine:withdrawn         set of item_ids; vitrine:changed: hash, item_id -> JSON
vitrine:additions         hash: release_id -> version; vitrine:added:RELEASE_ID: hash, item_id -> JSON
"""

PREFIX = "vitrine:"
SNAPSHOT, LOADS, LOADING, PLACE = f"{PREFIX}snapshot", f"{PREFIX}loads", f"{PREFIX}loading", f"{PREFIX}users:"
POSTED, EVENT = f"{PREFIX}posted:", f"{PREFIX}event:"
TOMBSTONES, KEY_ID, UNWRITTEN = f"{PREFIX}tombstones", f"{PREFIX}key_id", f"{PREFIX}unwritten"
REVISION, WITHDRAWN, CHANGED = f"{PREFIX}revision", f"{PREFIX}withdrawn", f"{PREFIX}changed"
ADDITIONS, ADDED = f"{PREFIX}additions", f"{PREFIX}added:"


def kind_of(key: str) -> str:
    """A key as a receipt may tell it: without the user or the event that it names."""
    return next((f"{prefix}*" for prefix in (POSTED, EVENT) if key.startswith(prefix)), key)


USERS = """
-- limit, users -> for each: what the snapshot says, the newest events
local place, found = redis.call('HGET', 'vitrine:snapshot', 'place'), {}
for n = 2, #ARGV do
  local keys, posted = redis.call('ZREVRANGE', 'vitrine:posted:' .. ARGV[n], 0, ARGV[1] - 1), {}
  for i = 1, #keys do keys[i] = 'vitrine:event:' .. keys[i] end
  if #keys > 0 then posted = redis.call('MGET', unpack(keys)) end
  found[n - 1] = {place and redis.call('HGET', place, ARGV[n]), posted}
end
return found
"""
APPEND = """
-- limit, milliseconds that an event is kept or 0, oldest event time that is kept, then user, event_id, time, event; -> how many were new
local limit, life, new, users = tonumber(ARGV[1]), tonumber(ARGV[2]), 0, {}
for n = 4, #ARGV, 4 do
  if redis.call('SET', 'vitrine:event:' .. ARGV[n + 1], ARGV[n + 3], 'NX') then
    redis.call('ZADD', 'vitrine:posted:' .. ARGV[n], ARGV[n + 2], ARGV[n + 1])
    users[ARGV[n]], new = true, new + 1
  end
end
for user in pairs(users) do
  local key = 'vitrine:posted:' .. user
  for _, id in ipairs(redis.call('ZRANGE', key, 0, -limit - 1)) do
    redis.call('DEL', 'vitrine:event:' .. id)
    redis.call('ZREM', key, id)
  end
  if life > 0 then
    for _, id in ipairs(redis.call('ZRANGEBYSCORE', key, '-inf', '(' .. ARGV[3])) do  -- kept by a limit that was higher, or by none
      redis.call('DEL', 'vitrine:event:' .. id)
      redis.call('ZREM', key, id)
    end
    local kept, ends = redis.call('ZRANGE', key, 0, -1, 'WITHSCORES'), nil
    for i = 1, #kept, 2 do
      ends = string.format('%d', kept[i + 1] / 1000 + life)
      redis.call('PEXPIREAT', 'vitrine:event:' .. kept[i], ends)
    end
    if ends then redis.call('PEXPIREAT', key, ends) end
  else
    redis.call('PERSIST', key)
  end
end
return new
"""
FORGET = """
-- highest event time that goes, as ZRANGEBYSCORE says it, then keys of users' events; -> how many events there were
local gone = 0
for n = 2, #ARGV do
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', ARGV[n], '-inf', ARGV[1])) do
    gone = gone + redis.call('DEL', 'vitrine:event:' .. id)
    redis.call('ZREM', ARGV[n], id)
  end
end
return gone
"""
SWITCH = """
-- version, place, users in it; -> whether it is whole, and read from now on
if redis.call('HLEN', ARGV[2]) ~= tonumber(ARGV[3]) then
  redis.call('UNLINK', ARGV[2])
  return 0
end
local old = redis.call('HGET', 'vitrine:snapshot', 'place')
redis.call('PERSIST', ARGV[2])
redis.call('SREM', 'vitrine:loading', ARGV[2])
redis.call('HSET', 'vitrine:snapshot', 'version', ARGV[1], 'place', ARGV[2])
if old then redis.call('UNLINK', old) end
return 1
"""
