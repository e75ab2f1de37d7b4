-- An instruction's id is made of its refund and attempt, so that two ids for
-- one attempt cannot be: the second index cost 40 bytes and a page touched per
-- refund, and was never read.
DROP INDEX instruction_attempt;
