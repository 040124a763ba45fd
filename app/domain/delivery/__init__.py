"""What is to be told of the alerts, and to whom: pure, in terms of records, receipts, and times that come as arguments."""
