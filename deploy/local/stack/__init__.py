"""The local stack as a whole: started, found again, ended; its addresses and its command."""
