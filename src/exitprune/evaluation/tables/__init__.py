"""Tables of a study, one file each: `claims.py` makes `tables/claims.csv`. To add one, add the file.

Contract of a file: `table(study: Study) -> pd.DataFrame`, everything from records; other tables are had from `study.table(name)`.
A figure whose table is of no use to others has a function of this name in its own file.
"""
