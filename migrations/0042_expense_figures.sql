-- An expense is counted once whatever types its lines have: what expenses come to is added up anew.
update tally_cursor set place = 'anew' where source = 'expenses';
