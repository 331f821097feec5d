-- ARGV[5..] ids.
local ids = {}
for n = 5, #ARGV do ids[#ids + 1] = ARGV[n] end
if ARGV[2] == 'thread' then
  drop_threads(ids)
else
  drop(here, ids)
  touch()
end
tidy()
return 1
