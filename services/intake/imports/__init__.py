"""The importer: older systems' event logs become the history of dossiers.

    file --(xes, csv_log)--> traces --(translate, by the mapping)--> facts --(send)--> the log

Reading and sending do I/O; everything between is pure.
"""
